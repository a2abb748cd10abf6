import { modelRefusal } from './refusal.ts';

/** What would change the answer, and does not here: each with the values that ask for nothing. */
const notSupported: Record<string, (value: unknown) => boolean> = {
  stream: (value) => value === false,
  n: (value) => value === 1,
  tools: isEmpty,
  functions: isEmpty,
  response_format: (value) => (value as { type?: unknown }).type === 'text',
  stop: isEmpty,
  logprobs: (value) => value === false,
  modalities: (value) => Array.isArray(value) && value.join() === 'text',
  audio: () => false,
  prediction: () => false,
  web_search_options: () => false,
};

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/**
 * Refuses what the model behind the service may know and the stand-in does not, rather than answer as if it had not been asked for.
 * @throws Refusal that names the parameter
 */
export function refuseNotSupported(body: object): void {
  for (const [name, asksForNothing] of Object.entries(notSupported)) {
    const value: unknown = (body as Record<string, unknown>)[name];
    if (value === undefined || value === null || asksForNothing(value)) continue;
    throw modelRefusal(
      `Unsupported parameter: '${name}' is not supported by this stand-in, which answers with one text as a whole.`,
      name,
      'unsupported_parameter',
    );
  }
}
