import { makeChance } from './chance.ts';
import type { FrontEnd } from './front-end.ts';
import type { Ledger, Talk } from './ledger.ts';
import { putPoison } from './poison.ts';
import { holdTalk, type Speaker } from './talk.ts';

const PEOPLE = 16;
const USERS = 5;

/**
 * People who talk, one conversation after another, and somebody who sends what is no event, until it is over. Resolves when
 * the last of it is surely written and sent.
 */
export async function talkUntil(
  isOver: () => boolean,
  frontEnd: FrontEnd,
  ledger: Ledger,
  seed: number,
): Promise<void> {
  const pending: Promise<unknown>[] = [];
  const finished: Talk[] = [];
  let serial = 0;
  const speaker = (number: number): Speaker => ({
    frontEnd,
    ledger,
    chance: makeChance(seed * 1000 + number),
    users: USERS,
    isOver,
    pending,
  });
  const people = Array.from({ length: PEOPLE }, async (_, person) => {
    while (!isOver()) {
      serial += 1;
      const shown = await holdTalk(speaker(serial * PEOPLE + person), serial);
      if (shown) finished.push(shown);
    }
  });
  const poisoner = speaker(0);
  const poisoning = async (): Promise<void> => {
    for (let number = 0; !isOver(); number += 1) {
      await new Promise((resolve) => setTimeout(resolve, poisoner.chance.between(150, 700)));
      await putPoison(poisoner, number, finished.length > 0 ? poisoner.chance.pick(finished) : undefined);
    }
  };
  await Promise.all([...people, poisoning()]);
  await Promise.all(pending);
}
