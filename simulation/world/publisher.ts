import type { Chance } from '../chance.ts';
import type { Broker, Queued } from './broker.ts';
import { type Chat, type Said, sayTurn, turnIdOf } from './chat.ts';
import type { Redis } from './redis.ts';
import type { World } from './world.ts';

/** What an event says, and what its publisher did about it. Undefined where the body is no event. */
export type Announcement = {
  chat: Chat;
  turn: number;
  chatMessageId: string;
  completedAtMs: number;
  /** What Redis held when the event was sent. */
  snapshotAtSend: string | undefined;
};

/** Publishes the turns of a chat over the span of the run: the snapshot, then the event, as a rule. */
export function publish(
  world: World,
  chat: Chat,
  redis: Redis,
  broker: Broker,
  chance: Chance,
  note: (queued: Queued, about: Announcement) => void,
): void {
  const { clock, plan } = world;
  /** What Redis is to hold. */
  let shown: Said[] = [];
  let createdAtMs = clock.nowMs;
  let isExpired = false;
  let sendAgain = (): void => undefined;

  function write(): void {
    if (isExpired) createdAtMs = clock.nowMs;
    isExpired = false;
    redis.set(chat.sessionId, snapshotOf(chat, shown, createdAtMs, clock.nowMs));
  }

  function trim(): void {
    if (!chat.isShared) shown = shown.slice(-chat.keeps * 2);
    else shown = shown.filter(({ turn }) => turn > shown.at(-1)!.turn - chat.keeps);
  }

  function expire(): void {
    if (isExpired || shown.length === 0) return;
    shown = [];
    isExpired = true;
    chat.hasGaps = true;
    redis.set(chat.sessionId, undefined);
  }

  function edit(): void {
    const last = shown.at(-1);
    if (!last) return;
    const edited = { ...last, message: { ...last.message, content: `${last.message.content} edited` } };
    shown = [...shown.slice(0, -1), edited];
    write();
  }

  function announce(turn: number, completedAtMs: number): void {
    const send = (): void => {
      const body = bodyOf(chat, turn, completedAtMs);
      const snapshotAtSend = redis.versionsOf(chat.sessionId).at(-1)?.value;
      const about = { chat, turn, chatMessageId: turnIdOf(chat, turn), completedAtMs, snapshotAtSend };
      note(broker.send(body), about);
    };
    send();
    sendAgain = send;
    if (chance.happens(0.15)) clock.after(chance.pick([0, 50, 2_000, 60_000]) * chance.next(), send);
  }

  function speak(turn: number): void {
    const said = sayTurn(chat, chance, turn, clock.nowMs, plan.maxMessageBytes);
    chat.said.push(...said);
    // A turn that its publisher never brings to Redis.
    if (chance.happens(0.04)) return void announce(turn, clock.nowMs);
    const part = !chat.isShared && chance.happens(0.4) ? chance.whole(1, said.length - 1) : 0;
    if (part > 0) {
      shown = [...shown, ...said.slice(0, part)];
      trim();
      write();
      // The event before comes once more just now, so that a worker may see part of a turn.
      if (chance.happens(0.4)) clock.after(chance.between(0, 50), sendAgain);
    }
    clock.after(part > 0 ? chance.between(10, 1_500) : 4, () => {
      const completedAtMs = clock.nowMs;
      shown = [...shown, ...said.slice(part > 0 && shown.includes(said[part - 1]!) ? part : 0)];
      const isLate = chance.happens(0.1);
      if (isLate) {
        // The event overtakes the snapshot.
        announce(turn, completedAtMs);
        return void clock.after(chance.between(1, 300), finish);
      }
      finish();
      clock.after(chance.between(0, 20), () => announce(turn, completedAtMs));
    });
  }

  function finish(): void {
    trim();
    write();
    if (chat.edits && chance.happens(0.3)) clock.after(chance.between(5, 100), edit);
    if (chat.expires && chance.happens(0.2)) clock.after(chance.between(100, 400), expire);
  }

  // The turns of a chat follow each other at some distance, so that the parts of one never meet another's.
  const times = Array.from({ length: plan.turns }, () => chance.next()).sort((a, b) => a - b);
  const isHasty = chance.happens(0.3);
  times.forEach((share, turn) => {
    clock.after((isHasty ? share * 500 : share * plan.spanMs) + turn * 2_500, () => speak(turn));
  });
}

function snapshotOf(chat: Chat, shown: readonly Said[], createdAtMs: number, lastActivityMs: number): string {
  if (chat.kind === 'garbage') return '{"sessionId":';
  return JSON.stringify({
    sessionId: chat.sessionId,
    userId: chat.kind === 'mismatch' ? 'somebody else' : chat.userId,
    title: chat.ownTitle,
    createdAt: new Date(createdAtMs).toISOString(),
    lastActivity: new Date(lastActivityMs).toISOString(),
    messages: shown.map(({ message }) => message),
  });
}

function bodyOf(chat: Chat, turn: number, completedAtMs: number): unknown {
  return {
    sessionId: chat.sessionId,
    userId: chat.userId,
    chatMessageId: turnIdOf(chat, turn),
    completedAt: new Date(completedAtMs).toISOString(),
    eventType: 'message_completed',
  };
}
