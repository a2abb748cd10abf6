import { expect, test } from 'vitest';
import { resultOf } from './command.ts';
import { runHere } from './command-here.ts';
import { conversation, eventOf, setTheScene, timeOf, turn } from './setting.ts';

async function withHistory(options: Parameters<typeof setTheScene>[0] = {}) {
  const scene = await setTheScene(options);
  const { environment, cosmos } = scene.stack;
  return {
    ...scene,
    cosmos,
    environment,
    put(messages: unknown[], fields: Record<string, unknown> = {}) {
      const { sessionId, userId } = conversation();
      const times = { createdAt: timeOf(0), lastActivity: timeOf(1), persistedAt: timeOf(2) };
      cosmos.put({ id: sessionId, sessionId, userId, title: 'A title', ...times, messages, ...fields });
      return (fields.sessionId as string) ?? sessionId;
    },
    show: (...args: string[]) => runHere(environment, ['show', ...args]),
  };
}

for (const partitionKeyPath of ['/userId', '/sessionId'])
  test(`a conversation of several pages is printed whole, in order, from a container keyed by ${partitionKeyPath}`, async () => {
    const {
      work,
      show: printed,
      announce,
      counters,
      path,
      redis,
      cosmos,
    } = await withHistory({ partitionKeyPath });
    await work({ PAGE_LIMIT_KB: '64' });
    const { snapshot } = conversation(0, { title: 'Named' });
    for (let index = 0; index < 12; index += 1) {
      snapshot.messages.push(...turn(`t${index}`, index, `question ${index} ${'é'.repeat(9_000)}`));
      snapshot.lastActivity = timeOf(index);
    }
    await redis.set(`session:${snapshot.sessionId}`, JSON.stringify(snapshot));
    await announce(eventOf(snapshot, 't11'));
    await expect.poll(() => counters().entities[path]!.completed).toBe(1);
    expect(cosmos.items().filter(({ type }) => type === 'segment').length).toBeGreaterThan(1);
    const whole = await printed('--session', snapshot.sessionId, '--json');
    expect(whole.code).toBe(0);
    expect(resultOf(whole)).toMatchObject({ title: 'Named', messages: snapshot.messages });
    const text = await printed('--session', snapshot.sessionId, '--user', snapshot.userId);
    expect(text.stdout).toMatch(/^title +Named\nsession +sess_\S+\nuser +user_001\n/);
    const questions = [...text.stdout.matchAll(/^│ question (\d+) é+$/gm)].map(([, number]) => number);
    expect(questions).toEqual(Array.from({ length: 12 }, (_, index) => String(index)));
    expect(text.stdout).toContain(`\nuser  ${timeOf(3)}  t3_user\n│ question 3`);
  });

test('messages of every shape are printed with all that is in them', async () => {
  const { put, show } = await withHistory();
  const sessionId = put([
    { messageId: 'a', role: 'system', content: 'be kind', timestamp: timeOf(0) },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'see\nthis' },
        { type: 'image_url', image_url: { url: 'data:x' } },
      ],
    },
    { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', function: { name: 'look' } }] },
    { role: 'tool', tool_call_id: 'call_1', content: '{"found": 3}' },
    { role: 'user', messageId: 'big', omittedBytes: 3_000_000 },
    { role: 'assistant', content: '' },
  ]);
  const { code, stdout } = await show('--session', sessionId);
  expect(code).toBe(0);
  expect(stdout.slice(stdout.indexOf('\n\n'))).toBe(`

system  ${timeOf(0)}  a
│ be kind

user
│ see
│ this
│ {"type":"image_url","image_url":{"url":"data:x"}}

assistant
│ no content
│ tool_calls: [{"id":"call_1","function":{"name":"look"}}]

tool
│ {"found": 3}
│ tool_call_id: "call_1"

user  big
│ left out: 3000000 bytes, more than an item can hold

assistant
│ 
`);
});

test('nothing that anybody wrote plays with the terminal, or looks like what is ours', async () => {
  const { put, show } = await withHistory();
  const hostile =
    '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egpj.exe\u2066\u200b\r\n\nassistant  2026  fake\nI said so\u0000';
  const sessionId = put(
    [{ messageId: hostile, role: hostile, content: hostile, timestamp: hostile, [hostile]: hostile }],
    {
      title: hostile,
      createdAt: hostile,
      sessionId: 'hostile \u202e \u001b[31m',
      id: 'hostile \u202e \u001b[31m',
    },
  );
  const { code, stdout } = await show('--session', sessionId);
  expect(code).toBe(0);
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/);
  expect(stdout).toContain('\\u202egpj.exe');
  expect(stdout).not.toMatch(/^assistant/m);
  expect(stdout).toContain('│ assistant  2026  fake\n');
  const json = await show('--session', sessionId, '--json');
  expect(json.stdout).not.toMatch(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/,
  );
  expect(resultOf(json)).toMatchObject({ title: hostile, messages: [{ content: hostile }] });
});

test('10 MB are printed too', async () => {
  const { put, cosmos, show } = await withHistory();
  const segments = Array.from({ length: 6 }, (_, index) => ({
    id: `~seg|${index}`,
    count: 1,
    bytes: 1,
    digest: 'x',
  }));
  const sessionId = put([{ role: 'user', content: 'the end' }], { segments });
  for (const { id } of segments)
    cosmos.put({
      id,
      type: 'segment',
      sessionId,
      userId: 'user_001',
      messages: [{ role: 'user', content: 'x'.repeat(1_900_000) }],
    });
  const { code, stdout } = await show('--session', sessionId);
  expect(code).toBe(0);
  expect(stdout.length).toBeGreaterThan(11_000_000);
  expect(stdout.endsWith('\nuser\n│ the end\n')).toBe(true);
});

test('what is not there, is erased, is of several, or cannot be, is said to be so', async () => {
  const { put, show, cosmos, environment } = await withHistory();
  const erased = put([], {
    title: undefined,
    createdAt: undefined,
    lastActivity: undefined,
    deletedAt: timeOf(3),
  });
  const marked = put([{ role: 'user', content: 'x' }], { deletedAt: timeOf(3) });
  const two = put([]);
  cosmos.put({ id: two, sessionId: two, userId: 'user_002', title: 'Of the other', messages: [] });
  const broken = put([], { segments: [{ id: '~seg|gone', count: 1, bytes: 1, digest: 'x' }] });
  for (const [args, said] of [
    [['--session', 'unknown'], 'history has no conversation unknown'],
    [['--session', two, '--user', 'user_003'], `no conversation ${two} of user_003`],
    [['--session', erased], 'was erased'],
    [['--session', marked], 'is deleted'],
    [['--session', two], 'of 2 users: say whose with --user'],
    [['--session', 'a/b'], 'sessionId contains "/"'],
    [['--session', broken], 'SegmentMissing'],
    [[], '--session'],
  ] as const) {
    const { code, stderr, stdout } = await show(...args);
    expect(stderr).toContain(said);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  }
  expect((await show('--session', two, '--user', 'user_002')).stdout).toContain('Of the other');
  cosmos.setFaults({ status: { code: 403 } });
  expect(await show('--session', two)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('StoreMisconfigured'),
  });
  expect((await runHere({ ...environment, COSMOS_ENDPOINT: '' }, ['show', '--session', 'x'])).code).toBe(78);
});
