import type { Request, Response } from './requests.ts';
import { type Tokens, tokenExpired } from './tokens.ts';

/** Decides about a token: true, or false or a text why not. */
export type Authorize = (token: { type: string; token: string; audience: string }) => boolean | string;

/** put-token: a client shows a SAS token or a JWT for an entity before it attaches a link to it. */
export function answerCbs(request: Request, tokens: Tokens, authorize: Authorize, refuse: boolean): Response {
  const { operation, name, type } = request.properties;
  if (operation !== 'put-token')
    return { status: 400, description: `Unknown operation ${String(operation)}` };
  const token = String(request.body);
  const expiresAt = type === 'jwt' ? expiryOfJwt(token) : expiryOfSas(token);
  if (expiresAt <= Date.now()) return refusal(tokenExpired().message);
  const decision = !refuse && authorize({ type: String(type), token, audience: String(name) });
  if (decision !== true) return refusal(typeof decision === 'string' ? decision : 'Unauthorized access.');
  tokens.put(String(name), expiresAt);
  return { status: 202, description: 'Accepted' };
}

const refusal = (description: string): Response => ({
  status: 401,
  description,
  condition: 'amqp:unauthorized-access',
});

/** When a JWT says that it expires; never, if it says nothing or is none: whether it is any good is decided elsewhere. */
function expiryOfJwt(token: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const exp = (claims as { exp?: unknown } | null)?.exp;
    return typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY;
  } catch (error) {
    if (error instanceof SyntaxError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

function expiryOfSas(token: string): number {
  const seconds = new URLSearchParams(token.replace(/^SharedAccessSignature /, '')).get('se');
  return seconds && /^\d+$/.test(seconds) ? Number(seconds) * 1000 : Number.POSITIVE_INFINITY;
}
