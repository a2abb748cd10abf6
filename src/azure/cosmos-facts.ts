import type { CallFacts } from '../pipeline/watch.ts';

type Answer = {
  statusCode?: number;
  code?: unknown;
  headers?: Record<string, unknown>;
  diagnostics?: { clientSideRequestStatistics?: { retryDiagnostics?: { failedAttempts?: unknown[] } } };
};

/** What an answer of Cosmos DB says of its call; the client throws some of them as errors, which have the same parts. */
function factsOf(answer: unknown): CallFacts {
  const { statusCode, code, headers, diagnostics } = answer as Answer;
  const status = statusCode ?? code;
  const charge = Number(headers?.['x-ms-request-charge'] ?? Number.NaN);
  const bytes = Number(headers?.['content-length'] ?? Number.NaN);
  return {
    ...(typeof status === 'number' || typeof status === 'string' ? { status } : {}),
    ...(Number.isFinite(charge) ? { requestUnits: charge } : {}),
    ...(Number.isFinite(bytes) ? { bytes } : {}),
    retries: diagnostics?.clientSideRequestStatistics?.retryDiagnostics?.failedAttempts?.length ?? 0,
  };
}

/** The same call, whose answer is noted, also where it is an error. */
export function noted<T>(
  note: (facts: CallFacts) => void,
  send: (signal: AbortSignal) => Promise<T>,
): (signal: AbortSignal) => Promise<T> {
  return async (signal) => {
    try {
      const answer = await send(signal);
      note(factsOf(answer));
      return answer;
    } catch (error) {
      note(factsOf(error));
      throw error;
    }
  };
}
