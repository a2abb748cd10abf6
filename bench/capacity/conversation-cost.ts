import { readCharge, writeCharge } from '../../emulators/cosmos/request-units.ts';
import type { Message } from '../../src/history/conversation.ts';
import { isRef, layOut, type Part } from '../../src/history/pages.ts';
import { makeSegment } from '../../src/history/segment.ts';
import { limitsOf } from '../../src/pipeline/write-pages.ts';

/** A conversation in which each turn is made durable before the next is said: nothing is coalesced. */
export type Talk = {
  turns: number;
  /** Of the two messages of a turn as JSON. */
  turnBytes: number;
  pageLimitKb: number;
  /** Whether the process knows what it stored last. Where several share the work it mostly does not, and reads. */
  isRemembered: boolean;
};

export type TurnCost = {
  requestUnits: number;
  /** Of the items that were written, as stored. */
  writtenBytes: number;
};

/** `_rid`, `_self`, `_etag`, `_attachments` and `_ts`, which count. */
const SYSTEM_BYTES = 220;
const TIME = '2026-01-01T00:00:00.000Z';
const ids = { sessionId: 'session-00000000-0000', userId: 'user-00000000-0000' };
const fields = {
  id: ids.sessionId,
  ...ids,
  title: 'Four words or so',
  createdAt: TIME,
  lastActivity: TIME,
  persistedAt: TIME,
};
const UUID = '00000000-0000-4000-8000-000000000000';

/**
 * What each turn costs by the paging code that ships (src/history/pages.ts) and Microsoft's table of request units. The first turn
 * brings the title's patch with it, the second reads what it finds: so does the worker (test/counts.test.ts).
 */
export function turnCosts({ turns, turnBytes, pageLimitKb, isRemembered }: Talk): TurnCost[] {
  const limits = limitsOf(pageLimitKb * 1024);
  const all: Message[] = [];
  let parts: Part[] = [];
  let head: Message[] = [];
  // Kept along, since to measure the text of all messages at each turn would be slow.
  let headBytes = 0;
  const costs: TurnCost[] = [];
  const messagesOf = sayingOf(turnBytes);
  for (let turn = 1; turn <= turns; turn += 1) {
    const added = messagesOf(turn);
    const written: number[] = [];
    let requestUnits = turn > 1 && (turn === 2 || !isRemembered) ? readCharge(headBytes + SYSTEM_BYTES) : 0;
    all.push(...added);
    const appended = headBytes + sizeOf({ lastActivity: TIME, persistedAt: TIME, messages: added });
    if (turn > 1 && appended <= limits.pageBytes) {
      head.push(...added);
      headBytes += sizeOf(added) - 1;
    } else {
      const refs = parts.map(({ ref }) => ref);
      const fixed = sizeOf({ ...fields, messages: [], ...(refs.length > 0 ? { segments: refs } : {}) });
      const layout = layOut(all, parts, fixed, limits);
      const kept = new Map(parts.map((part) => [part.ref, part]));
      parts = layout.list.map((entry): Part => {
        if (isRef(entry)) return kept.get(entry)!;
        const { segment, ref } = makeSegment(ids, entry, UUID);
        written.push(sizeOf(segment) + SYSTEM_BYTES);
        return { ref, messages: entry };
      });
      head = layout.head;
      const listed = parts.length > 0 ? { segments: parts.map(({ ref }) => ref) } : {};
      headBytes = sizeOf({ ...fields, messages: head, ...listed });
    }
    written.push(headBytes + SYSTEM_BYTES);
    if (turn === 1) written.push(headBytes + SYSTEM_BYTES);
    for (const bytes of written) requestUnits += writeCharge(bytes);
    costs.push({ requestUnits, writtenBytes: written.reduce((sum, bytes) => sum + bytes, 0) });
  }
  return costs;
}

/** A conversation of so many turns, in one document. */
export function documentOf(turns: number, turnBytes: number): object {
  const messagesOf = sayingOf(turnBytes);
  return { ...fields, messages: Array.from({ length: turns }, (_, index) => messagesOf(index + 1)).flat() };
}

/** A question and an answer of ten times its length. All turns say the same, so that long ones take no memory each. */
function sayingOf(turnBytes: number): (turn: number) => Message[] {
  const message = (turn: number, role: string, content: string): Message => ({
    messageId: `msg-${turn}_${role}`,
    role,
    content,
    timestamp: TIME,
  });
  const empty = sizeOf(message(100, 'user', '')) + sizeOf(message(100, 'assistant', ''));
  const words = Math.max(2, Math.round(turnBytes) - empty);
  const question = Math.floor(words / 11);
  const [asked, answered] = ['q'.repeat(question), 'a'.repeat(words - question)];
  return (turn) => [message(turn, 'user', asked), message(turn, 'assistant', answered)];
}

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
