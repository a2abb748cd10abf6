import type { Chance } from './chance.ts';
import { answer, makeTurn, openingOf, pythonTime } from './chats.ts';
import { holdsAll } from './check.ts';
import type { FrontEnd } from './front-end.ts';
import type { Ledger, Talk } from './ledger.ts';

export type Speaker = {
  frontEnd: FrontEnd;
  ledger: Ledger;
  chance: Chance;
  users: number;
  /** No further turn is begun then. */
  isOver: () => boolean;
  /** What goes on by itself: events that are sent later. */
  pending: Promise<unknown>[];
};

const DAY_MS = 86_400_000;
const PERSISTED_MS = 6000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * One conversation from its first turn to its last. Its turns are a moment or minutes apart by their timestamps: in the
 * second kind nothing but ids says whether a snapshot holds a turn, and its events may come before their snapshots.
 * Answers the talk if Redis still shows it.
 */
export async function holdTalk(speaker: Speaker, serial: number): Promise<Talk | undefined> {
  const { frontEnd, ledger, chance, pending } = speaker;
  const isSpaced = chance.percent(50);
  const isLong = serial % 6 === 1;
  const turns = isLong ? chance.between(20, 45) : chance.between(1, 6);
  const micros = chance.below(1000);
  let atMs = Date.now() - (isSpaced ? DAY_MS : 0);
  const startedAt = pythonTime(atMs, micros);
  const talk: Talk = {
    sessionId: `sess_${serial}_${chance.below(1_000_000).toString(36)}`,
    userId: `user_${chance.below(speaker.users)}`,
    createdAt: startedAt,
    lastActivity: startedAt,
    messages: [],
    opening: openingOf(chance, serial),
    rename: undefined,
    undone: 0,
  };
  const key = `session:${talk.sessionId}`;
  /** Where in the talk what Redis shows begins, and where each turn does. */
  let shownFrom = 0;
  let shownSince = startedAt;
  const turnStarts: number[] = [];
  let isShown = false;
  let renaming: Promise<void> = Promise.resolve();
  if (chance.percent(30))
    talk.messages.push([
      { messageId: `system_${serial}`, role: 'system', content: 'You are helpful.', timestamp: startedAt },
    ]);

  const event = (turn: string, completedAt: string) => ({
    messageId: `${turn}_event`,
    sessionId: talk.sessionId,
    contentType: 'application/json',
    body: {
      sessionId: talk.sessionId,
      userId: talk.userId,
      chatMessageId: turn,
      completedAt,
      eventType: 'message_completed',
    },
  });
  const send = async (turn: string, completedAt: string): Promise<void> => {
    ledger.sends += 1;
    await frontEnd.send(event(turn, completedAt));
  };

  for (let number = 0; number < turns && !speaker.isOver(); number += 1) {
    atMs = isSpaced ? atMs + chance.between(61_000, 900_000) : Math.max(Date.now(), atMs + 2);
    const at = pythonTime(atMs, micros);
    const turn = `msg_${serial}_${number}`;
    turnStarts.push(talk.messages.length);
    if (number > 0 && chance.percent(8)) regenerate(talk, shownFrom, chance);
    const bytes = isLong ? chance.between(1500, 7000) : chance.between(20, 600);
    for (const message of makeTurn(chance, turn, at, number === 0 ? talk.opening : undefined, bytes))
      talk.messages.push([message]);
    talk.lastActivity = at;
    if (number === 0) ledger.talks.push(talk);
    ledger.events.set(`${turn}_event`, 'complete');
    const { sessionId, userId, lastActivity } = talk;
    const messages = talk.messages.slice(shownFrom).map((versions) => versions.at(-1)!);
    const snapshot = JSON.stringify({
      sessionId,
      userId,
      ...(chance.percent(50) ? { title: null } : {}),
      createdAt: shownSince,
      lastActivity,
      messages,
    });

    isShown = true;
    const way = chance.below(100);
    if (way < 12 && isSpaced) {
      pending.push(send(turn, at));
      await sleep(chance.between(20, 900));
      await frontEnd.show(key, snapshot);
    } else {
      await frontEnd.show(key, snapshot);
      if (way < 30) pending.push(sleep(chance.between(50, 2000)).then(() => send(turn, at)));
      else await send(turn, at);
      if (way > 82) pending.push(sleep(chance.between(0, 1500)).then(() => send(turn, at)));
    }

    if (chance.percent(20)) {
      // The user does it while the chat goes on; one renaming after another, so that the last one is known.
      renaming = renaming
        .then(() => !speaker.isOver() && frontEnd.rename(talk, `Renamed ${serial} ${number}`))
        .then((isStored) => {
          if (isStored) ledger.renamings += 1;
        });
      pending.push(renaming);
    }
    if (chance.percent(isLong ? 8 : 25) && (await isPersisted(frontEnd, talk))) {
      await frontEnd.hide(key);
      isShown = false;
      ledger.begunAnew += 1;
      // The chat begins anew: with nothing but what comes, or with the last turns.
      shownFrom = chance.percent(60) ? talk.messages.length : (turnStarts.at(-chance.between(1, 2)) ?? 0);
      shownSince = pythonTime(atMs + 1, micros);
    }
    await sleep(isLong ? chance.between(10, 120) : chance.between(20, 400));
  }
  return isShown ? talk : undefined;
}

/** The last answer that Redis still shows is given another content. */
function regenerate(talk: Talk, shownFrom: number, chance: Chance): void {
  for (let index = talk.messages.length - 1; index >= shownFrom; index -= 1) {
    const versions = talk.messages[index]!;
    const newest = versions.at(-1)!;
    if (newest.messageId === undefined || newest.role !== 'assistant' || newest.content === null) continue;
    versions.push({ ...newest, content: answer(chance, 200), edited: versions.length });
    return;
  }
}

async function isPersisted(frontEnd: FrontEnd, talk: Talk): Promise<boolean> {
  const untilMs = performance.now() + PERSISTED_MS;
  while (performance.now() < untilMs) {
    const history = await frontEnd.history(talk);
    if (history && holdsAll(talk, history)) return true;
    await sleep(50);
  }
  return false;
}
