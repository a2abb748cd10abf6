import type { Chance } from '../chance.ts';

/** A message of a chat as its publisher made it. */
export type Said = { turn: number; message: Record<string, unknown> };

/** suffixed: the turn's id and the role. bare: the turn's id on each message. other: ids of their own. copies: none, and the same few words again and again. */
export type IdStyle = 'suffixed' | 'bare' | 'other' | 'none' | 'copies';

/**
 * good: a conversation as it should be. The others deserve to be dead-lettered: the snapshot is of another user, is no
 * conversation, the item in the store is something else, or the store refuses the document.
 */
export type Kind = 'good' | 'mismatch' | 'garbage' | 'foreign' | 'rejected';

export type Chat = {
  readonly index: number;
  readonly sessionId: string;
  readonly userId: string;
  readonly kind: Kind;
  readonly ids: IdStyle;
  /** Whether the messages of a turn share one time, and are then always published and trimmed together. */
  readonly isShared: boolean;
  readonly isRefusedTitle: boolean;
  /** What its publisher calls it, if it does. */
  readonly ownTitle: string | null;
  /** So many turns are kept in Redis; messages, where they have times of their own. */
  readonly keeps: number;
  readonly expires: boolean;
  readonly edits: boolean;
  readonly hasOversized: boolean;
  /** The publisher's order, of all that it ever made. */
  readonly said: Said[];
  /** What Redis forgot or did not show in time: then nobody can promise that all of it is stored. */
  hasGaps: boolean;
  renamedTo: string | undefined;
  isDeleted: boolean;
};

export function makeChat(chance: Chance, index: number): Chat {
  const kind = chance.happens(0.88)
    ? 'good'
    : chance.pick(['mismatch', 'garbage', 'foreign', 'rejected'] as const);
  const ids = chance.pick<IdStyle>(['suffixed', 'suffixed', 'suffixed', 'bare', 'other', 'none', 'copies']);
  const trims = chance.happens(0.3);
  return {
    index,
    sessionId: `s${index}`,
    userId: `u${chance.whole(1, 2)}`,
    kind,
    ids,
    isShared: chance.happens(0.5),
    isRefusedTitle: chance.happens(0.1),
    ownTitle: chance.happens(0.15) ? `Titled by its front end ${index}` : null,
    keeps: trims ? chance.whole(1, 4) : Number.POSITIVE_INFINITY,
    expires: chance.happens(0.3),
    edits: ids === 'suffixed' && chance.happens(0.3),
    hasOversized: ids === 'suffixed' && chance.happens(0.1),
    said: [],
    hasGaps: trims,
    renamedTo: undefined,
    isDeleted: false,
  };
}

export const turnIdOf = (chat: Chat, turn: number): string => `c${chat.index}t${turn}`;

/** The messages of one more turn. `atMs` is when it began; `oversizedBytes` is more than an item takes. */
export function sayTurn(
  chat: Chat,
  chance: Chance,
  turn: number,
  atMs: number,
  oversizedBytes: number,
): Said[] {
  const roles = chance.happens(0.2)
    ? ['user', 'assistant', 'tool', 'tool', 'assistant']
    : ['user', 'assistant'];
  return roles.map((role, position) => {
    const timestamp = new Date(chat.isShared ? atMs : atMs + position + 1).toISOString();
    const number = chat.said.length + position;
    if (chat.ids === 'copies')
      return { turn, message: { role, content: `c${chat.index} ${chance.pick(['ok', 'go on'])}` } };
    const isOversized = chat.hasOversized && position === 1 && chance.happens(0.2);
    const length = isOversized ? oversizedBytes : chance.whole(10, 120);
    const content = `c${chat.index} m${number} ${'x'.repeat(length)}`;
    const id = idOf(chat, turn, position, role, number);
    // By these alone two results of one turn's tools can be told apart, and the answer from the calls.
    const call = `call ${number}`;
    const calls =
      role === 'tool'
        ? { tool_call_id: call }
        : position < roles.length - 1 && role === 'assistant'
          ? { tool_calls: [{ id: call }] }
          : {};
    return { turn, message: { ...(id ? { messageId: id } : {}), role, content, timestamp, ...calls } };
  });
}

function idOf(chat: Chat, turn: number, position: number, role: string, number: number): string | undefined {
  if (chat.ids === 'none') return undefined;
  if (chat.ids === 'other') return `m-${chat.index}-${number}`;
  const id = turnIdOf(chat, turn);
  if (chat.ids === 'bare') return id;
  return position > 0 ? `${id}_${role}${position}` : `${id}_${role}`;
}
