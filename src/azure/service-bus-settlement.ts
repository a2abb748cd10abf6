import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import { Failure } from '../pipeline/failures.ts';
import type { HeldEvent, Settlement } from '../pipeline/ports.ts';
import { lastOf } from './last-error.ts';

/** Longer than any settlement takes that is answered at all. */
export const SETTLE_DEADLINE_MS = 10_000;
export const RENEW_DEADLINE_MS = 10_000;
/** Service Bus refuses longer reasons and descriptions. */
const MAX_REASON_LENGTH = 4_096;

/** What a receiver has sent in this turn of the event loop. */
const underWay = new WeakMap<ServiceBusReceiver, { kind: Settlement['kind']; gone: Promise<void> }>();

/** Settles a message over its link. Completions go at once, also together; any other settlement has a turn to itself. */
export async function settleOver(
  receiver: ServiceBusReceiver,
  message: ServiceBusReceivedMessage,
  settlement: Settlement,
): Promise<void> {
  await turnFor(receiver, settlement.kind);
  if (settlement.kind === 'complete') return receiver.completeMessage(message);
  if (settlement.kind === 'abandon') return receiver.abandonMessage(message);
  return receiver.deadLetterMessage(message, {
    deadLetterReason: settlement.reason.slice(0, MAX_REASON_LENGTH),
    deadLetterErrorDescription: settlement.description.slice(0, MAX_REASON_LENGTH),
  });
}

/**
 * The same message, to be settled by its lock token over the management link: to the client a message without a link is a
 * deferred one, and those it settles so.
 */
export function byToken(message: ServiceBusReceivedMessage): ServiceBusReceivedMessage {
  return Object.create(message, { delivery: { value: { remote_settled: false } } });
}

/**
 * rhea 3.0.5 writes the settlements of consecutive deliveries that come in one turn as one range, and does not compare
 * the outcomes of the first two (`write_dispositions` in its session.js): an event next to a dead letter is dead-lettered too, one
 * that is abandoned next to one that is completed is completed, and lost.
 */
async function turnFor(receiver: ServiceBusReceiver, kind: Settlement['kind']): Promise<void> {
  for (;;) {
    const before = underWay.get(receiver);
    if (!before) break;
    if (before.kind === 'complete' && kind === 'complete') return;
    await before.gone;
  }
  const gone = new Promise<void>((resolve) => setImmediate(resolve)).then(
    () => void underWay.delete(receiver),
  );
  underWay.set(receiver, { kind, gone });
}

/** Which failure an error of the Service Bus client is, of a call for one event. */
export function serviceBusFailure(what: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code, message } = lastOf(error) as { code?: unknown; message: string };
  return code === 'MessageLockLost' || code === 'SessionLockLost'
    ? new Failure('LockLost', `${what}: the lock is lost`, { cause: error })
    : new Failure('SettlementFailed', `${what}: ${String(code ?? message)}`, { cause: error });
}

/** As W3C's Trace Context has it: neither id is all zeros. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(-|$)/;
const isTraceparent = (trace: unknown): trace is string =>
  typeof trace === 'string' && TRACEPARENT.test(trace);

/** What an event is, whoever holds it: its body and what the broker and the sender say about it. */
export function factsOf(
  message: ServiceBusReceivedMessage,
): Pick<
  HeldEvent,
  'body' | 'messageId' | 'sequenceNumber' | 'enqueuedAtMs' | 'deliveryCount' | 'traceparent'
> {
  const properties = message.applicationProperties;
  // The JavaScript client writes the trace under a name of its own. What is none hides none that stands beside it.
  const traces: unknown[] = [properties?.traceparent, properties?.['Diagnostic-Id']];
  return {
    body: message.body,
    messageId: message.messageId === undefined ? undefined : String(message.messageId),
    sequenceNumber: message.sequenceNumber?.toString(),
    enqueuedAtMs: message.enqueuedTimeUtc?.getTime(),
    deliveryCount: message.deliveryCount ?? 0,
    traceparent: traces.find(isTraceparent),
  };
}
