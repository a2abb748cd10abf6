import { expect, test } from 'vitest';
import { lastOf } from './last-error.ts';

test('of several attempts the last one is told, of an empty collection itself', () => {
  const last = new Error('the last');
  expect(lastOf(new AggregateError([new Error('the first'), new AggregateError([last])]))).toBe(last);
  const none = new AggregateError([], 'none');
  expect(lastOf(none)).toBe(none);
  expect(lastOf('a text')).toBe('a text');
});

test.each([
  ['SharedAccessSignature sr=sb%3A%2F%2Fhost%2Fa&sig=UyIx%2BxgE%3D&se=1795796996&skn=Root'],
  [`eyJ0eXAiOiJKV1Qi.${'e'.repeat(400)}.s-_s`],
  ['sig=UyIx%2BxgE%3D'],
])('a token that an error quotes is not told on: %s', (token) => {
  const error = lastOf(new AggregateError([new Error(`refused: "${token}" of a client`)])) as Error;
  expect(error.message).toBe('refused: "…" of a client');
});
