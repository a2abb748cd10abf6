import { expect, test } from 'vitest';
import { SUBSCRIPTION, TOPIC } from '../../emulators/stack.ts';
import { setTheScene } from '../../test/setting.ts';
import type { Settlement } from '../pipeline/ports.ts';
import { settleOver } from './service-bus-settlement.ts';

const complete: Settlement = { kind: 'complete' };
const abandon: Settlement = { kind: 'abandon' };
const deadLetter: Settlement = {
  kind: 'dead-letter',
  reason: 'InvalidEvent',
  description: 'userId is missing',
};

test.each([
  ['a dead letter and a completion', deadLetter, complete],
  ['a completion and a dead letter', complete, deadLetter],
  ['a completion and a hand-back', complete, abandon],
  ['a hand-back and a dead letter', abandon, deadLetter],
])('%s of neighbours on a link at once do not take each other’s outcome', async (_, first, second) => {
  const { serviceBus, announce, counters, path } = await setTheScene();
  await announce({ number: 1 }, 'first');
  await announce({ number: 2 }, 'second');
  const receiver = serviceBus.createReceiver(TOPIC, SUBSCRIPTION);
  const messages = await receiver.receiveMessages(2);
  expect(messages.map(({ messageId }) => messageId)).toEqual(['first', 'second']);
  const settlements = [first, second];
  await Promise.all(
    settlements.map((settlement, index) => settleOver(receiver, messages[index]!, settlement)),
  );
  const count = (kind: Settlement['kind']): number => settlements.filter((one) => one.kind === kind).length;
  expect(counters().entities[path]).toMatchObject({
    completed: count('complete'),
    abandoned: count('abandon'),
    deadLettered: count('dead-letter'),
  });
});
