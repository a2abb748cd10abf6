import type { Content } from './messages.ts';
import type { Stored } from './stored.ts';

const symbol = (name: string): Buffer => Buffer.concat([Buffer.from([0xa3, name.length]), Buffer.from(name)]);
const ENQUEUED_TIME = symbol('x-opt-enqueued-time');
const SEQUENCE = symbol('x-opt-sequence-number');
const ENQUEUED_SEQUENCE = symbol('x-opt-enqueue-sequence-number');
const LOCKED_UNTIL = symbol('x-opt-locked-until');
const STATE = symbol('x-opt-message-state');
const [TIMESTAMP, LONG, INT] = [0x83, 0x81, 0x71];
const LONGEST_OWN_PART = 256;

export const messageState = { active: 0, deferred: 1, scheduled: 2 } as const;

/**
 * A message as a receiver gets it: a header with the delivery count and the broker's annotations before the sender's
 * bytes. Written by hand, for this is done once a delivery.
 */
export function encodeDelivery(
  message: Pick<Stored, 'sequence' | 'enqueuedSequence' | 'enqueuedAt' | 'deliveryCount' | 'content'>,
  lockedUntil: number | undefined,
  state: number = messageState.active,
): Buffer {
  const { content } = message;
  const out = Buffer.allocUnsafe(LONGEST_OWN_PART + content.annotations.length + content.bare.length);
  let at = writeHeader(out, content, message.deliveryCount);
  out[at++] = 0x00;
  out[at++] = 0x53;
  out[at++] = 0x72;
  out[at++] = 0xd1;
  const sizeAt = at;
  at += 8;
  let entries = 3 + content.annotationCount;
  at = writeEntry(out, at, ENQUEUED_TIME, TIMESTAMP, message.enqueuedAt);
  at = writeEntry(out, at, SEQUENCE, LONG, message.sequence);
  at = writeEntry(out, at, ENQUEUED_SEQUENCE, LONG, message.enqueuedSequence);
  if (lockedUntil !== undefined) {
    at = writeEntry(out, at, LOCKED_UNTIL, TIMESTAMP, lockedUntil);
    entries++;
  }
  if (state !== messageState.active) {
    at += STATE.copy(out, at);
    out[at++] = INT;
    at = out.writeInt32BE(state, at);
    entries++;
  }
  at += content.annotations.copy(out, at);
  out.writeUInt32BE(at - sizeAt - 4, sizeAt);
  out.writeUInt32BE(entries * 2, sizeAt + 4);
  at += content.bare.copy(out, at);
  return out.subarray(0, at);
}

function writeEntry(out: Buffer, start: number, key: Buffer, type: number, value: number): number {
  let at = start + key.copy(out, start);
  out[at++] = type;
  at = out.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  return out.writeUInt32BE(value % 2 ** 32, at);
}

function writeHeader(out: Buffer, content: Content, deliveryCount: number): number {
  out[0] = 0x00;
  out[1] = 0x53;
  out[2] = 0x70;
  out[3] = 0xc0;
  out[5] = 5;
  out[6] = content.durable ? 0x41 : 0x42;
  let at = 7;
  if (content.priority === undefined) out[at++] = 0x40;
  else {
    out[at++] = 0x50;
    out[at++] = content.priority;
  }
  if (content.ttlMs === undefined) out[at++] = 0x40;
  else {
    out[at++] = 0x70;
    at = out.writeUInt32BE(content.ttlMs, at);
  }
  // first-acquirer
  out[at++] = deliveryCount === 0 ? 0x41 : 0x42;
  out[at++] = 0x70;
  at = out.writeUInt32BE(deliveryCount, at);
  out[4] = at - 5;
  return at;
}
