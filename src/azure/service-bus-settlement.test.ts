import { expect, test } from 'vitest';
import { SUBSCRIPTION, TOPIC } from '../../emulators/stack.ts';
import { setTheScene } from '../../test/setting.ts';
import type { Settlement } from '../pipeline/ports.ts';
import { factsOf, settleOver } from './service-bus-settlement.ts';

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

const one = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const other = '00-11111111111111111111111111111111-2222222222222222-00';
test.each([
  ['both that differ: the standard one', { traceparent: one, 'Diagnostic-Id': other }, one],
  ['the client’s own alone', { 'Diagnostic-Id': other }, other],
  ['one that is none, beside a good one', { traceparent: 'none', 'Diagnostic-Id': other }, other],
  ['a number, beside a good one', { traceparent: 7, 'Diagnostic-Id': other }, other],
  [
    'zeros, beside a good one',
    { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, 'Diagnostic-Id': other },
    other,
  ],
  ['an older kind of id', { 'Diagnostic-Id': '|4bf92f35.1.' }, undefined],
  ['none', {}, undefined],
])('the sender’s trace of a message that bears %s', async (_, applicationProperties, traceparent) => {
  const { serviceBus, sender } = await setTheScene();
  await sender.sendMessages({ body: {}, applicationProperties });
  const receiver = serviceBus.createReceiver(TOPIC, SUBSCRIPTION);
  const [message] = await receiver.receiveMessages(1);
  // The sending client adds an id of its own only where it traces.
  expect(factsOf(message!).traceparent).toBe(traceparent);
});
