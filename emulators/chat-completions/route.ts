import type { IncomingMessage } from 'node:http';
import { azureRefusal, type Refusal } from './refusal.ts';

/** The deployment that the address names; undefined for the v1 form, where the body names it. */
export type Route = { deployment: string | undefined };

/**
 * Reads the two forms of address.
 * @throws Refusal as Azure answers what is neither of them, or the first without its api-version
 */
export function readRoute(request: IncomingMessage): Route {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, named] = /^\/openai\/deployments\/([^/]+)\/chat\/completions$/.exec(url.pathname) ?? [];
  const isV1 = url.pathname === '/openai/v1/chat/completions';
  if (request.method !== 'POST' || (named === undefined && !isV1)) throw notFound();
  if (isV1) return { deployment: undefined };
  // The v1 form has no versions; the older one does not exist without.
  if (!/^\d{4}-\d{2}-\d{2}(-preview)?$/.test(url.searchParams.get('api-version') ?? '')) throw notFound();
  return { deployment: decodeURIComponent(named!) };
}

const notFound = (): Refusal => azureRefusal(404, '404', 'Resource not found');

/**
 * Checks the caller.
 * @throws Refusal 401
 */
export function checkAccess(
  request: IncomingMessage,
  route: Route,
  apiKey: string,
  authorize: ((bearer: string) => boolean) | undefined,
): void {
  const key = request.headers['api-key'];
  if (key === apiKey) return;
  if (key !== undefined)
    throw azureRefusal(
      401,
      '401',
      'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.',
    );
  const [, bearer] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (bearer !== undefined && authorize?.(bearer)) return;
  // In the v1 form alone the key may come as the bearer, for clients that know OpenAI only.
  if (bearer === apiKey && route.deployment === undefined) return;
  throw azureRefusal(
    401,
    '401',
    'Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired.',
  );
}
