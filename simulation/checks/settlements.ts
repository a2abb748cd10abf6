import type { Held, Queued, Settlement } from '../world/broker.ts';
import type { Process } from '../world/process.ts';
import type { Announcement } from '../world/publisher.ts';
import { isUntitled, keyOf, type Message, type Store } from '../world/store.ts';
import type { World } from '../world/world.ts';
import type { Published, Snapshot } from './published.ts';
import type { makeRounds, Round } from './rounds.ts';
import { copiesOf, headOf, lacking, showsTurn, type Whole, wholeOf } from './whole.ts';

type Given = {
  world: World;
  store: Store;
  rounds: ReturnType<typeof makeRounds>;
  published: Published;
  announcements: ReadonlyMap<Queued, Announcement>;
  isDraining: (process: Process) => boolean;
  isAsking: (process: Process, chat: number) => boolean;
};

/** What must hold when a settlement is sent: that it is deserved, that what it vouches for is stored, and that it is the only one. */
export function makeSettlementChecks({
  world,
  store,
  rounds,
  published,
  announcements,
  isDraining,
  isAsking,
}: Given) {
  const receivedAtMs = new Map<Held, number>();
  const underWay = new Map<Held, string>();
  const tried = new Set<Held>();
  const done = new Set<Held>();

  const wholeNow = (about: Announcement): Whole | undefined => {
    const item = store.heads.get(keyOf(about.chat));
    return item && wholeOf(headOf(item), store.segments);
  };

  const snapshotIn = ({ chat }: Announcement, value: string | undefined): Snapshot | undefined =>
    value === undefined ? undefined : published.snapshotOf(chat.sessionId, value);

  function mustBeStored(about: Announcement, seen: readonly Round[], fail: (text: string) => void): void {
    const whole = wholeNow(about);
    if (whole?.head.deletedAt) return;
    const copies = copiesOf(whole?.messages ?? [], about.chat);
    for (const { version } of seen) {
      const snapshot = snapshotIn(about, version?.value);
      const lost = snapshot && lacking(snapshot.copies, copies);
      if (lost) fail(`before what Redis showed is stored: ${lost}`);
    }
  }

  function completing(held: Held, about: Announcement, fail: (text: string) => void): void {
    const seen = rounds.of(held.process, held.enqueuedAtMs);
    const whole = wholeNow(about);
    if (whole?.head.deletedAt) return;
    mustBeStored(about, seen, fail);
    if (about.chat.kind !== 'good') return void fail(`although it is ${about.chat.kind}`);
    if (
      !whole ||
      (!showsTurn(whole.head, about) && !showsTurn({ ...whole.head, messages: whole.messages }, about))
    )
      return void fail('although its turn is not stored');
    const sent = snapshotIn(about, about.snapshotAtSend);
    const lost = sent && !about.chat.hasGaps && lacking(sent.copies, copiesOf(whole.messages, about.chat));
    if (lost) fail(`before what it announced is stored: ${lost}`);
    if (
      seen.at(-1)?.version?.value &&
      // Tried again later, it is not to blame for what another round has begun to ask meanwhile.
      !tried.has(held) &&
      isUntitled(whole.head.title) &&
      !whole.head.titleRefused &&
      isAsking(held.process, about.chat.index)
    )
      fail('before the title that is asked for is there');
    const last = seen.at(-1);
    const isLeftOut = (message: Message): boolean =>
      Boolean(message.omittedBytes) && turnOf(message) === about.chatMessageId;
    // A worker that neither saw the message itself nor met its marker in the head need not look for it in old segments.
    const mustKnow =
      !last ||
      showsOversized(about, last) ||
      (whole.head.messages.some(isLeftOut) && isBefore(markedAtMs, about, last));
    if (mustKnow && whole.messages.some(isLeftOut)) fail('although a message of its turn is left out');
  }

  const isOversized = (message: object): boolean =>
    Buffer.byteLength(JSON.stringify(message)) > world.plan.maxMessageBytes;

  function showsOversized(about: Announcement, { version }: Round): boolean {
    const snapshot = snapshotIn(about, version?.value);
    return Boolean(
      snapshot?.messages.some(
        (message) => String(message.messageId).startsWith(`${about.chatMessageId}_`) && isOversized(message),
      ),
    );
  }

  function deadLettering(
    held: Held,
    about: Announcement,
    reason: string,
    fail: (text: string) => void,
  ): void {
    const { chat } = about;
    const sinceMs = receivedAtMs.get(held)!;
    const seen = rounds.of(held.process, held.enqueuedAtMs);
    const last = seen.at(-1);
    const expected = {
      mismatch: 'IdentityMismatch',
      garbage: 'InvalidConversation',
      foreign: 'ForeignItem',
      rejected: 'RejectedByStore',
      good: '',
    };
    if (reason === expected[chat.kind]) return;
    if (reason === 'MessageTooLarge') {
      mustBeStored(about, seen, fail);
      const isDeserved = chat.said.some(({ turn, message }) => turn === about.turn && isOversized(message));
      if (!isDeserved) fail('although nothing of it is too large');
      return;
    }
    if (reason !== 'TurnNotFound' && reason !== 'ConversationNotFound')
      return void fail('for no reason of its own');
    if (world.clock.nowMs - sinceMs < world.plan.turnWaitMs) fail('before the time to wait is over');
    if (!last) return void fail('without a look');
    const { value } = last.version!;
    const snapshot = snapshotIn(about, value);
    if (snapshot && chat.kind === 'good' && showsTurn(snapshot, about)) fail('although Redis shows the turn');
    if (isBefore(storedAtMs, about, last)) fail('although history has the turn');
    if (chat.kind === 'good') mustBeStored(about, seen, fail);
  }

  /** Since when a turn is to be found in history under its name, and since when with a marker in it. */
  const storedAtMs = new Map<string, number>();
  const markedAtMs = new Map<string, number>();
  const isBefore = (times: Map<string, number>, { chatMessageId }: Announcement, { atMs }: Round): boolean =>
    (times.get(chatMessageId) ?? Number.POSITIVE_INFINITY) < atMs;
  const turnOf = ({ messageId }: Message): string => String(messageId).split('_')[0]!;

  return {
    committed(whole: Whole): void {
      const note = (times: Map<string, number>, turn: string): void => {
        if (!times.has(turn)) times.set(turn, world.clock.nowMs);
      };
      for (const message of whole.messages) {
        note(storedAtMs, turnOf(message));
        if (message.omittedBytes) note(markedAtMs, turnOf(message));
      }
    },
    received: (held: Held): void => void receivedAtMs.set(held, world.clock.nowMs),
    settling(held: Held, settlement: Settlement): void {
      const { queued } = held;
      const kind =
        settlement.reason === undefined ? settlement.kind : `${settlement.kind} ${settlement.reason}`;
      const fail = (text: string): void => world.violate(`e${queued.sequence} is settled (${kind}) ${text}`);
      if (done.has(held)) fail('although it is settled');
      if (underWay.has(held)) fail(`while it is being settled (${underWay.get(held)})`);
      underWay.set(held, kind);
      const about = announcements.get(queued);
      if (settlement.kind === 'abandon') {
        if (!isDraining(held.process)) fail('although its worker is not to stop');
      } else if (!about) {
        if (kind !== 'dead-letter InvalidEvent' && kind !== 'dead-letter UnexpectedEventType')
          fail('although it is no event');
      } else if (settlement.kind === 'complete') completing(held, about, fail);
      else deadLettering(held, about, settlement.reason!, fail);
    },
    settled(held: Held, isOk: boolean): void {
      underWay.delete(held);
      tried.add(held);
      if (isOk) done.add(held);
    },
  };
}
