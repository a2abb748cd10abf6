import { expect, test } from 'vitest';
import { running } from './console-setting.ts';
import { setAside } from './set-aside.ts';
import { conversation } from './setting.ts';

test('letters of any reason that the service allows can be replayed', async () => {
  const { ask } = await running();
  const reason = '\u0001'.repeat(4_096);
  expect((await ask('/console/replays', { body: { reason } })).status).toBe(202);
});

test('all viewers may look at once, and an id of whatever length costs each of them no more than is shown', async () => {
  const { ask } = await running({}, (scene) =>
    setAside(
      scene,
      Array.from({ length: 3 }, () => ({ ...conversation().event, chatMessageId: 'é'.repeat(100_000) })),
    ),
  );
  // Eight answers are under way at a time.
  const eight = () => Promise.all(Array.from({ length: 8 }, () => ask('/console/dead-letters')));
  const looks = [...(await eight()), ...(await eight()), ...(await eight()), ...(await eight())];
  expect(new Set(looks.map(({ status }) => status))).toEqual(new Set([200]));
  expect(looks[0]!.json.groups[0].letters).toHaveLength(3);
  for (const { text } of looks) expect(text.length).toBeLessThan(5_000);
});
