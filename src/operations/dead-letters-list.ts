import { styleText } from 'node:util';
import { makeCredential } from '../azure/credential.ts';
import { openDeadLetters } from '../azure/service-bus-dead-letters.ts';
import type { Config } from '../config.ts';
import { age } from './age.ts';
import { counted } from './counted.ts';
import { type Choice, choose } from './dead-letters-choice.ts';
import { type Group, makeGroups, remedyOf } from './dead-letters-groups.ts';
import { plain, plainJson } from './plain-text.ts';
import { wrap } from './wrap.ts';

/** Looks at all dead letters and groups the chosen ones. @throws the client's error */
export async function groupDeadLetters(
  config: Config,
  choice: Choice,
): Promise<{ sequences: Set<string>; groups: Group[] }> {
  const deadLetters = openDeadLetters(config, makeCredential(config.azureClientId));
  const groups = makeGroups();
  const sequences = new Set<string>();
  try {
    for await (const letter of choose(deadLetters, choice)) {
      groups.add(letter);
      sequences.add(letter.sequenceNumber);
    }
    return { sequences, groups: groups.all() };
  } finally {
    await deadLetters.close();
  }
}

/** Exit code 0. @throws the client's error */
export async function listDeadLetters(
  config: Config,
  choice: Choice,
  { json }: { json: boolean },
): Promise<number> {
  const { groups } = await groupDeadLetters(config, choice);
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  const { topic, subscription } = config.serviceBus;
  if (json) {
    const asTime = (ms: number) => new Date(ms).toISOString();
    console.log(
      plainJson({
        topic,
        subscription,
        total,
        groups: groups.map(({ oldestMs, newestMs, ...group }) => ({
          ...group,
          oldest: asTime(oldestMs),
          newest: asTime(newestMs),
          remedy: remedyOf(group.reason) ?? null,
        })),
      }),
    );
    return 0;
  }
  console.log(`${letters(total)} of ${plain(topic)}/${plain(subscription)}`);
  if (total === 0) return 0;
  console.log('');
  for (const line of table(groups)) console.log(line);
  const old = groups.reduce((sum, { overADay }) => sum + overADay, 0);
  console.log('');
  if (old > 0)
    console.log(
      `${old} were sent over 24 h ago: Redis has forgotten such a conversation if it rested since.`,
    );
  console.log('One by one: dead-letters show. Back through the worker: dead-letters replay.');
  return 0;
}

/** A reason may have 4,096 characters: one so long does not move the others' ages out of sight. */
const WIDEST = 40;

/** A line a group, and below it what can be done. */
export function table(
  groups: readonly Group[],
  stream: NodeJS.WriteStream = process.stdout,
  now: number = Date.now(),
): string[] {
  const reasons = groups.map(({ reason }) => plain(reason));
  const width = Math.min(WIDEST, Math.max(...reasons.map((reason) => reason.length)));
  const digits = Math.max(...groups.map(({ count }) => String(count).length));
  return groups.flatMap((group, index) => {
    const [oldest, newest] = [age(now - group.oldestMs), age(now - group.newestMs)];
    const ages = oldest === newest ? `${oldest} ago` : `${oldest} to ${newest} ago`;
    const count = styleText('bold', String(group.count).padStart(digits), { stream });
    const remedy = remedyOf(group.reason);
    return [
      `  ${count}  ${reasons[index]!.padEnd(width)}  ${ages}`,
      ...(remedy === undefined ? [] : [styleText('dim', wrap(remedy, digits + 4, stream), { stream })]),
    ];
  });
}

/** So many of them, in words. */
export const letters = (count: number): string => counted(count, 'dead letter');

/** Of those that were chosen and have come to no outcome. */
export const notMetLine = (count: number, ended?: 'interrupted' | 'ended by an error'): string =>
  ended
    ? `${count} are as they were: it was ${ended}.`
    : `${count} are as they were, or gone: somebody else has them. Try again in a few minutes.`;
