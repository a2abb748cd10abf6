import { expect, test } from 'vitest';
import { Failure } from './failures.ts';
import { memoryPorts } from './memory-ports.ts';
import { makeTitleGate } from './title-gate.ts';
import { makeTitling } from './titling.ts';

const messages = [{ role: 'user', content: 'How do I boil an egg?' }];

function setUp(maxConcurrency: number) {
  const answers: (() => void)[] = [];
  const answer = () => new Promise<string>((resolve) => answers.push(() => resolve('Boiling Eggs')));
  const { model, clock, log, calls } = memoryPorts({ answer });
  const titling = makeTitling({ model, gate: makeTitleGate(clock, log), maxConcurrency, log });
  return { titling, answers, calls };
}

test('a request under way stays the only one, also once it has been overtaken', async () => {
  const { titling, answers, calls } = setUp(4);
  const first = titling.job('a', messages);
  await expect.poll(() => answers.length).toBe(1);
  titling.forget('a');
  expect(titling.job('a', messages)).toBe(first);
  answers[0]!();
  await first.answered;
  expect(calls.asks).toBe(1);
  expect(titling.job('a', messages)).not.toBe(first);
});

test('a request that waits for its turn is not made when history has a title by then', async () => {
  const { titling, answers, calls } = setUp(1);
  const first = titling.job('a', messages);
  const second = titling.job('b', messages);
  await expect.poll(() => answers.length).toBe(1);
  titling.forget('b');
  answers[0]!();
  expect(await second.answered).toEqual({ none: true });
  expect(await first.answered).toEqual({ title: 'Boiling Eggs' });
  expect(calls.asks).toBe(1);
});

test('a model that refuses conversations is there for the others; one that is away is not asked for each', async () => {
  for (const [code, asks] of [
    ['TitleRefused', 4],
    ['TitleUnavailable', 2],
  ] as const) {
    const answer = () => Promise.reject(new Failure(code, 'as it says'));
    const { model, clock, log, calls } = memoryPorts({ answer });
    const titling = makeTitling({ model, gate: makeTitleGate(clock, log), maxConcurrency: 1, log });
    for (const key of ['a', 'b', 'c', 'd']) await titling.job(JSON.stringify(['u', key]), messages).answered;
    expect(calls.asks).toBe(asks);
  }
});
