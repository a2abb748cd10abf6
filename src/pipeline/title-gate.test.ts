import { expect, test } from 'vitest';
import { memoryPorts } from './memory-ports.ts';
import { makeTitleGate } from './title-gate.ts';

test('a title model that is away stops nothing, and the log does not say that it does', () => {
  const { clock } = memoryPorts({});
  const said: string[] = [];
  const say = (_: object, message: string): void => void said.push(message);
  const gate = makeTitleGate(clock, { debug: say, info: say, warn: say, error: say });
  gate.failed('a', 'it answered 401');
  gate.failed('b', 'it answered 401');
  expect(said).toEqual(['gate closed: fallback titles are stored meanwhile']);
  expect(gate.admits()).toBe(false);
  gate.succeeded();
  expect(said.at(-1)).toBe('gate opened');
  expect(gate.admits()).toBe(true);
});
