import type { Request, Response } from './requests.ts';

/** Decides about a token: true, or false or a text why not. */
export type Authorize = (token: { type: string; token: string; audience: string }) => boolean | string;

/** put-token: a client shows a SAS token or a JWT for an entity before it attaches a link to it. */
export function answerCbs(request: Request, authorize: Authorize, refuse: boolean): Response {
  const { operation, name, type } = request.properties;
  if (operation !== 'put-token')
    return { status: 400, description: `Unknown operation ${String(operation)}` };
  const decision =
    !refuse && authorize({ type: String(type), token: String(request.body), audience: String(name) });
  if (decision === true) return { status: 202, description: 'Accepted' };
  return {
    status: 401,
    description: typeof decision === 'string' ? decision : 'Unauthorized access.',
    condition: 'amqp:unauthorized-access',
  };
}
