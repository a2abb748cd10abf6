import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import { Failure } from '../pipeline/failures.ts';
import type { HeldEvent, Settlement } from '../pipeline/ports.ts';

/** Longer than any settlement takes that is answered at all. */
export const SETTLE_DEADLINE_MS = 10_000;
export const RENEW_DEADLINE_MS = 10_000;
/** Service Bus refuses longer reasons and descriptions. */
const MAX_REASON_LENGTH = 4_096;

export function settleOver(
  receiver: ServiceBusReceiver,
  message: ServiceBusReceivedMessage,
  settlement: Settlement,
): Promise<void> {
  if (settlement.kind === 'complete') return receiver.completeMessage(message);
  if (settlement.kind === 'abandon') return receiver.abandonMessage(message);
  return receiver.deadLetterMessage(message, {
    deadLetterReason: settlement.reason.slice(0, MAX_REASON_LENGTH),
    deadLetterErrorDescription: settlement.description.slice(0, MAX_REASON_LENGTH),
  });
}

export function serviceBusFailure(what: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code, message } = error as { code?: unknown; message: string };
  return code === 'MessageLockLost' || code === 'SessionLockLost'
    ? new Failure('LockLost', `${what}: the lock is lost`, { cause: error })
    : new Failure('SettlementFailed', `${what}: ${String(code ?? message)}`, { cause: error });
}

/** What an event is, whoever holds it: its body and what the broker and the sender say about it. */
export function factsOf(
  message: ServiceBusReceivedMessage,
): Pick<HeldEvent, 'body' | 'messageId' | 'enqueuedAtMs' | 'deliveryCount' | 'traceparent'> {
  const properties = message.applicationProperties;
  // The JavaScript client writes the trace under a name of its own.
  const trace = properties?.traceparent ?? properties?.['Diagnostic-Id'];
  return {
    body: message.body,
    messageId: message.messageId === undefined ? undefined : String(message.messageId),
    enqueuedAtMs: message.enqueuedTimeUtc?.getTime(),
    deliveryCount: message.deliveryCount ?? 0,
    traceparent: typeof trace === 'string' ? trace : undefined,
  };
}
