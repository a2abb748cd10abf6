import { styleText } from 'node:util';
import { makeCredential } from '../azure/credential.ts';
import { type DeadLetter, openDeadLetters } from '../azure/service-bus-dead-letters.ts';
import type { Config } from '../config.ts';
import { age } from './age.ts';
import { CommandFault } from './command-fault.ts';
import { type Choice, choose, eventOf } from './dead-letters-choice.ts';
import { letters } from './dead-letters-list.ts';
import { plain, plainJson } from './plain-text.ts';
import { print } from './print.ts';

/**
 * Shows the chosen dead letters, the oldest first: their ids and reasons, never a body. Exit code 0.
 * @throws CommandFault where there is none; the client's error
 */
export async function showDeadLetters(
  config: Config,
  choice: Choice,
  { json, limit }: { json: boolean; limit: number },
): Promise<number> {
  const deadLetters = openDeadLetters(config, makeCredential(config.azureClientId));
  let found = 0;
  let left = 0;
  try {
    for await (const letter of choose(deadLetters, choice)) {
      found += 1;
      if (found > limit) left += 1;
      else await print([json ? plainJson(factsOf(letter)) : `${found > 1 ? '\n' : ''}${described(letter)}`]);
    }
  } finally {
    await deadLetters.close();
  }
  if (found === 0) throw new CommandFault('NotFound', 'There is no such dead letter.');
  if (left > 0) console.error(`\n${letters(left)} more: --limit ${found} shows them too.`);
  return 0;
}

/** What is told of a dead letter, as JSON. A body that is no event may hold anything: it is exported only. */
export function factsOf(letter: DeadLetter): Record<string, unknown> {
  const { sequenceNumber, messageId, reason, description, enqueuedAtMs, deliveryCount } = letter;
  const event = eventOf(letter);
  const { sessionId, userId, chatMessageId, completedAt } = event ?? { sessionId: letter.message.sessionId };
  return {
    sequenceNumber,
    messageId,
    reason,
    description,
    enqueuedAt: enqueuedAtMs === undefined ? undefined : new Date(enqueuedAtMs).toISOString(),
    deliveryCount,
    sessionId,
    userId,
    chatMessageId,
    completedAt,
  };
}

function described(letter: DeadLetter, now: number = Date.now()): string {
  const stream = process.stdout;
  const { sequenceNumber, messageId, reason, description, enqueuedAtMs, deliveryCount } = letter;
  const { sessionId, userId, chatMessageId, completedAt } = factsOf(letter);
  const sent = enqueuedAtMs === undefined ? '' : `sent ${age(now - enqueuedAtMs)} ago, `;
  const fields = {
    session: sessionId,
    user: userId,
    turn: chatMessageId,
    completed: completedAt,
    message: messageId,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`  ${styleText('dim', name.padEnd(9), { stream })}  ${plain(String(value))}`],
  );
  return [
    `${styleText('bold', `#${sequenceNumber}  ${plain(reason)}`, { stream })}  ${sent}delivery count ${deliveryCount}`,
    ...(description === '' ? [] : [`  ${plain(description)}`]),
    ...lines,
  ].join('\n');
}
