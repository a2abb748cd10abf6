import { DeadlineError } from '../azure/deadline.ts';
import { lastOf } from '../azure/last-error.ts';
import { type Finding, failure, warning } from './doctor-check.ts';
import type { Way } from './doctor-network.ts';
import { describeError, seeAbove, troubleOf, wholeText } from './errors.ts';

/** In which way a service is there and cannot be asked now. */
type Away = 'throttles' | 'keeps out' | 'is silent' | 'cuts' | 'fails';

/** What of it depends on the service: the worker copes with all of these, but none of them ends by itself for good. */
export type Means = {
  way: Way;
  /** How to give it more room, where it throttles. */
  moreRoom: string;
  /** The command that shows how it is, and who is let in. */
  look: string;
};

/** Time for an answer, and for what is told instead of one, within a check's own deadline. */
export const ANSWER_MS = 9_000;

/** What a service's firewall says in the place of an answer, in the words of Service Bus, Cosmos DB and the AI services. */
const KEPT_OUT = /firewall|virtual network|public (?:network|internet|access)|has been prevented to connect/i;
const THROTTLED = /ServiceBusy|ServerBusy|server-busy|max number of clients/i;
const SILENT = /did not answer within|ServiceTimeout|OperationTimeout|TimeoutError/;
/** Redis: it has just started, runs a script, lacks a master or has moved. */
const FAILING = /InternalServerError|ServiceUnavailable|\b(?:LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b/;

/** Whether the service is away, rather than of another mind: it throttles, keeps this machine out, fails, or does not answer. */
function awayOf(error: unknown): Away | undefined {
  const text = wholeText(error);
  const status = statusOf(error);
  if (status === 429 || THROTTLED.test(text)) return 'throttles';
  if (KEPT_OUT.test(text)) return 'keeps out';
  if (error instanceof DeadlineError || status === 408) return 'is silent';
  const trouble = troubleOf(error);
  if (trouble === 'token') return undefined;
  if (trouble === 'network') return 'cuts';
  if (SILENT.test(text)) return 'is silent';
  return (status ?? 0) >= 500 || FAILING.test(text) ? 'fails' : undefined;
}

function statusOf(error: unknown): number | undefined {
  const { code, status, statusCode, cause } = lastOf(error) as Record<string, unknown>;
  const own = [code, status, statusCode].find((one) => typeof one === 'number') as number | undefined;
  return own ?? (cause === undefined || cause === null ? undefined : statusOf(cause));
}

/** What is told of a service that is away, and where to look; undefined if it is not. */
export async function awayFinding(
  error: unknown,
  { way, moreRoom, look }: Means,
): Promise<Finding | undefined> {
  const { service, host, port } = way.target;
  const away = awayOf(error);
  const found =
    error instanceof DeadlineError ? `no answer within ${ANSWER_MS / 1_000} s` : describeError(error);
  if (away === undefined) return undefined;
  if (away === 'throttles')
    return warning(`it throttles (${found}): the worker slows down, and goes on`, `if it lasts, ${moreRoom}`);
  if (away === 'keeps out')
    return failure(
      `its firewall keeps this machine out (${found})`,
      `let this machine's address or network in, or give it a private endpoint; who is let in: ${look}`,
    );
  if (away === 'fails')
    return failure(`it fails (${found}): the worker waits for it`, `if it lasts, look at how it is: ${look}`);
  if (!(await way.isReached())) return failure(found, seeAbove('network', service));
  return failure(
    `${found}, though ${host}:${port} takes connections`,
    `look for what stands between (a proxy, a firewall, a private endpoint that is not approved), and at how it is: ${look}`,
  );
}
