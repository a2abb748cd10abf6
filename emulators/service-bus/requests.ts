import { understood } from './messages.ts';
import { Refusal } from './refusal.ts';
import { message as amqpMessage, types } from './rhea-internals.ts';

/** A request on $cbs or $management. */
export type Request = {
  readonly id: string | number | Buffer;
  readonly replyTo: string;
  readonly properties: Record<string, unknown>;
  readonly body: unknown;
};
export type Response = { status: number; description?: string; condition?: string; body?: unknown };

/** @throws Refusal for what cannot be decoded */
export function readRequest(bytes: Buffer | undefined): Request {
  if (!bytes) throw new Refusal('amqp:decode-error', 'Not a request: the transfer is empty.');
  const decoded = understood(() => amqpMessage.decode(bytes));
  return {
    id: decoded.message_id as Request['id'],
    replyTo: String(decoded.reply_to),
    properties: decoded.application_properties ?? {},
    body: decoded.body,
  };
}

/** The reply as rhea sends it. $cbs and $management spell the names of the same properties differently. */
export function replyTo(request: Request, response: Response, spelling: 'cbs' | 'management') {
  const { status, description = status < 300 ? 'OK' : '', condition } = response;
  const named =
    spelling === 'cbs'
      ? { 'status-code': types.wrap_int(status), 'status-description': description }
      : { statusCode: types.wrap_int(status), statusDescription: description };
  const error = condition && {
    [spelling === 'cbs' ? 'error-condition' : 'errorCondition']: types.wrap_symbol(condition),
  };
  return {
    to: request.replyTo,
    correlation_id: request.id,
    application_properties: { ...named, ...error },
    body: response.body ?? null,
  };
}
