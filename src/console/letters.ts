import { makeCredential } from '../azure/credential.ts';
import { type DeadLetter, openDeadLetters } from '../azure/service-bus-dead-letters.ts';
import type { Config } from '../config.ts';
import { type Group, makeGroups, remedyOf } from '../operations/dead-letters-groups.ts';
import { factsOf } from '../operations/dead-letters-show.ts';

export type Letters = {
  topic: string;
  subscription: string;
  total: number;
  /** False: there are more, which were not looked at. */
  isAll: boolean;
  /** More reasons than are told of. */
  otherReasons: number;
  groups: (Group & { remedy: string | null; letters: Record<string, unknown>[] })[];
};

/** The id of a turn is of whatever length its sender gives it: the page shows less. */
const SHOWN_OF_A_TURN = 300;

/** A peek at so many, or for so long, is enough to see what is wrong. */
const MAX_LETTERS = 5_000;
const MAX_MS = 10_000;
const MAX_REASONS = 50;
const SHOWN_OF_A_REASON = 20;

/** Looks at the dead letters without receiving any, and groups them by reason. @throws the client's error */
export async function lookAtLetters(config: Config): Promise<Letters> {
  const deadLetters = openDeadLetters(config, makeCredential(config.azureClientId));
  const groups = makeGroups();
  const shown = new Map<string, Record<string, unknown>[]>();
  const startedMs = performance.now();
  let isAll = true;
  try {
    for await (const page of deadLetters.peek()) {
      for (const letter of page) {
        groups.add(letter);
        const some = shown.get(letter.reason) ?? [];
        shown.set(letter.reason, some);
        if (some.length < SHOWN_OF_A_REASON) some.push(shownOf(letter));
      }
      isAll = groups.total < MAX_LETTERS && performance.now() - startedMs < MAX_MS;
      if (!isAll) break;
    }
  } finally {
    await deadLetters.close();
  }
  const all = groups.all();
  const { topic, subscription } = config.serviceBus;
  return {
    topic,
    subscription,
    total: groups.total,
    isAll,
    otherReasons: Math.max(0, all.length - MAX_REASONS),
    groups: all.slice(0, MAX_REASONS).map((group) => ({
      ...group,
      remedy: remedyOf(group.reason) ?? null,
      letters: shown.get(group.reason)!,
    })),
  };
}

function shownOf(letter: DeadLetter): Record<string, unknown> {
  const facts = factsOf(letter);
  const id = facts.chatMessageId as string | undefined;
  return id === undefined || id.length <= SHOWN_OF_A_TURN
    ? facts
    : { ...facts, chatMessageId: `${id.slice(0, SHOWN_OF_A_TURN)}…` };
}
