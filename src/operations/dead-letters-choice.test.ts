import { expect, test } from 'vitest';
import type { DeadLetter } from '../azure/service-bus-dead-letters.ts';
import { type Choice, choose } from './dead-letters-choice.ts';

const letter = (sequenceNumber: string, fields: Partial<DeadLetter> = {}): DeadLetter => ({
  ...{ sequenceNumber, messageId: `message ${sequenceNumber}`, reason: 'InvalidEvent', description: '' },
  ...{ enqueuedAtMs: 0, deliveryCount: 1, message: { body: {} } as DeadLetter['message'] },
  ...fields,
});

async function chosenOf(letters: DeadLetter[], choice: Choice): Promise<string[]> {
  const chosen: string[] = [];
  const peek = async function* () {
    yield letters;
  };
  const close = async () => undefined;
  for await (const { sequenceNumber } of choose({ peek, close }, choice)) chosen.push(sequenceNumber);
  return chosen;
}

test('digits alone are a sequence number, whatever id somebody has given to a message', async () => {
  const letters = [letter('1'), letter('2', { messageId: '1' }), letter('12')];
  expect(await chosenOf(letters, { ids: ['1'] })).toEqual(['1']);
  expect(await chosenOf(letters, { ids: ['message 1', '12'] })).toEqual(['1', '12']);
});

test('an empty id, as of a variable that is not set, chooses nothing', async () => {
  const letters = [letter('1', { messageId: undefined }), letter('2')];
  expect(await chosenOf(letters, { ids: [''] })).toEqual([]);
  expect(await chosenOf(letters, { session: '' })).toEqual([]);
  expect(await chosenOf(letters, { reasons: [''] })).toEqual([]);
});

test('what was shown chooses, and so does what it really is', async () => {
  const letters = [letter('1', { reason: 'Bad\u202ereason', messageId: 'a\u0007b' }), letter('2')];
  for (const reason of ['Bad\u202ereason', 'Bad\\u202ereason'])
    expect(await chosenOf(letters, { reasons: [reason] })).toEqual(['1']);
  for (const id of ['a\u0007b', 'a\\u0007b']) expect(await chosenOf(letters, { ids: [id] })).toEqual(['1']);
});
