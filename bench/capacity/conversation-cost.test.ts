import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { snapshotOf } from '../load.ts';
import { type Talk, turnCosts } from './conversation-cost.ts';
import { RESULTS } from './measured.ts';

const { long, steady } = JSON.parse(readFileSync(RESULTS, 'utf8')).scenarios;
const unitsOf = (talk: Talk): number => turnCosts(talk).reduce((sum, turn) => sum + turn.requestUnits, 0);
const writtenBy = (talk: Talk): number => turnCosts(talk).reduce((sum, turn) => sum + turn.writtenBytes, 0);
/** Of the benchmark's chats, in the middle. */
const turnBytesOf = (answerBytes: number): number =>
  JSON.stringify(snapshotOf(0, 250, answerBytes).messages.slice(240, 242)).length;
const small = { turnBytes: 2_048, pageLimitKb: 1_950, isRemembered: true };

test('250 turns of 4 KB cost what the benchmark measured, in one document and in pages, to one in a hundred', () => {
  const talk = { turns: 250, turnBytes: turnBytesOf(4_096), isRemembered: true };
  const ofOne = unitsOf({ ...talk, pageLimitKb: 1_950 }) / long.worker.requestUnits;
  const ofPages = unitsOf({ ...talk, pageLimitKb: 64 }) / long.workerAt64Kb.requestUnits;
  expect(Math.abs(ofOne - 1)).toBeLessThan(0.01);
  expect(Math.abs(ofPages - 1)).toBeLessThan(0.01);
});

test('so do thirteen short turns of a chat that goes on', () => {
  const talk = { ...small, turns: 13, turnBytes: turnBytesOf(600) };
  expect(Math.abs(unitsOf(talk) / 13 / steady.worker.requestUnits - 1)).toBeLessThan(0.01);
});

test('a first turn is written twice, its title the second time; the second is read before it is written', () => {
  // Microsoft's table: an item of up to 1 KB is written for 4.95 and read for 1.
  const talk = { ...small, turns: 2, turnBytes: 300 };
  expect(turnCosts(talk).map((turn) => turn.requestUnits)).toEqual([
    4.95 + 4.95,
    expect.closeTo(1 + 5.16, 0),
  ]);
});

test('twice the turns write four times the bytes in one document, and little more than twice in pages', () => {
  const times = (pageLimitKb: number): number =>
    writtenBy({ ...small, turns: 200, pageLimitKb }) / writtenBy({ ...small, turns: 100, pageLimitKb });
  expect(times(1_950)).toBeGreaterThan(3.8);
  expect(times(64)).toBeLessThan(2.4);
});

test('a process that does not know what it stored last pays a read each turn', () => {
  const known = turnCosts({ ...small, turns: 20 });
  const unknown = turnCosts({ ...small, turns: 20, isRemembered: false });
  unknown.forEach((turn, index) => {
    const more = turn.requestUnits - known[index]!.requestUnits;
    if (index < 2) expect(more).toBe(0);
    else expect(more).toBeGreaterThanOrEqual(1);
  });
});

test('a turn that no page holds is a segment of its own', () => {
  const costs = turnCosts({ turns: 3, turnBytes: 200 * 1024, pageLimitKb: 64, isRemembered: true });
  expect(costs.at(-1)!.writtenBytes).toBeGreaterThan(180 * 1024);
});
