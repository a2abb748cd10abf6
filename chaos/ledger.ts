export type Message = { role: string; messageId?: string; [field: string]: unknown };

/** A conversation as it was put in: what history must hold of it in the end. */
export type Talk = {
  sessionId: string;
  userId: string;
  createdAt: string;
  lastActivity: string;
  /** In order; of a message that was edited every version, the newest last. */
  messages: Message[][];
  /** What the user said first: the title comes from it. */
  opening: string;
  /** The user's last renaming that was surely stored. */
  rename: string | undefined;
  /** How often a renaming was seen to be undone while the load went on. */
  undone: number;
};

/** What an event deserves: to be completed, or to be dead-lettered for this reason. */
export type Deserved = 'complete' | DeadLetterReason;
export type DeadLetterReason =
  | 'InvalidEvent'
  | 'UnexpectedEventType'
  | 'IdentityMismatch'
  | 'InvalidConversation';

/** What was put in, and what must come of it. Events by the id of their message. */
export type Ledger = {
  talks: Talk[];
  events: Map<string, Deserved>;
  sends: number;
  renamings: number;
  begunAnew: number;
};

export const newLedger = (): Ledger => ({
  talks: [],
  events: new Map(),
  sends: 0,
  renamings: 0,
  begunAnew: 0,
});
