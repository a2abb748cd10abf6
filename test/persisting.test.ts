import { describe, expect, test } from 'vitest';
import { conversation, eventOf, setTheScene, turn } from './setting.ts';

describe('an event becomes a document', () => {
  test("the seed's sample document is reproduced field by field", async () => {
    const { show, announce, work, item } = await setTheScene();
    const sample = {
      sessionId: 'sess_abc123',
      userId: 'user_001',
      title: 'Machine Learning Discussion',
      createdAt: '2025-06-05T10:00:00Z',
      lastActivity: '2025-06-05T11:30:00Z',
      messages: [
        {
          messageId: 'msg_001',
          role: 'user',
          content: 'What is machine learning?',
          timestamp: '2025-06-05T10:00:00Z',
        },
        {
          messageId: 'msg_002',
          role: 'assistant',
          content: 'Machine learning is a subset of artificial intelligence...',
          timestamp: '2025-06-05T10:00:15Z',
        },
      ],
    };
    await show(sample);
    await work();
    await announce({
      sessionId: 'sess_abc123',
      userId: 'user_001',
      chatMessageId: 'msg_002',
      completedAt: '2025-06-05T11:30:00Z',
      eventType: 'message_completed',
    });
    await expect.poll(() => item('user_001', 'sess_abc123')).toBeDefined();
    const { _rid, _self, _etag, _ts, _attachments, persistedAt, ...stored } = item(
      'user_001',
      'sess_abc123',
    )!;
    expect(stored).toEqual({ id: 'sess_abc123', ...sample });
    expect(new Date(String(persistedAt)).toISOString()).toBe(persistedAt);
  });

  test("the demo's shapes are kept: a system message first, equal timestamps in a turn, microseconds, tool calls", async () => {
    const { show, announce, work, item } = await setTheScene();
    const { snapshot, event, sessionId, userId } = conversation(3);
    const [user, assistant] = snapshot.messages.slice(-2);
    const messages = [
      { messageId: 'sys', role: 'system', content: 'Be brief.', timestamp: snapshot.createdAt },
      ...snapshot.messages.slice(0, -1),
      {
        messageId: `${event.chatMessageId}_call`,
        role: 'assistant',
        content: null,
        timestamp: user!.timestamp,
        tool_calls: [{ id: 'c1', function: { name: 'f', arguments: '{"a":[1,2.5,null]}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: '二 🎉' }] },
      assistant,
    ];
    await show({ ...snapshot, messages });
    await work();
    await announce(event);
    await expect.poll(() => item(userId, sessionId)?.messages).toEqual(messages);
    expect(item(userId, sessionId)).toMatchObject({
      createdAt: snapshot.createdAt,
      lastActivity: snapshot.lastActivity,
    });
  });

  test.each([
    ['an object', (event: object) => event],
    ['a string', (event: object) => JSON.stringify(event)],
    ['bytes', (event: object) => Buffer.from(JSON.stringify(event))],
  ])('the body may be %s', async (_, form) => {
    const { show, sender, work, item } = await setTheScene();
    const { snapshot, event, sessionId, userId } = conversation();
    await show(snapshot);
    await work();
    await sender.sendMessages({ body: form(event), messageId: 'm' });
    await expect.poll(() => item(userId, sessionId)?.messages).toEqual(snapshot.messages);
  });

  test('a container keyed by /sessionId works too', async () => {
    const { show, announce, work, item } = await setTheScene({ partitionKeyPath: '/sessionId' });
    const { snapshot, event, sessionId } = conversation();
    await show(snapshot);
    await work();
    await announce(event);
    await expect.poll(() => item(sessionId, sessionId)?.messages).toEqual(snapshot.messages);
  });
});

test('Redis is only read, long values too, and what it holds expires when it would', async () => {
  const { stack, redis, show, announce, work, counters, path } = await setTheScene();
  await work();
  const [short, long] = [conversation(), conversation()];
  long.snapshot.messages[0]!.content = 'é'.repeat(200_000);
  for (const { snapshot, event, sessionId } of [short, long]) {
    await show(snapshot);
    await redis.expire(`session:${sessionId}`, 600);
    await announce(event);
  }
  await expect.poll(() => counters().entities[path]?.completed).toBe(2);
  for (const { snapshot, sessionId } of [short, long]) {
    expect(await redis.get(`session:${sessionId}`)).toBe(JSON.stringify(snapshot));
    expect(await redis.ttl(`session:${sessionId}`)).toBeGreaterThan(500);
  }
  const connecting = ['HELLO', 'AUTH', 'CLIENT', 'CLUSTER', 'PING'];
  const ours = ['SET', 'EXPIRE', 'TTL'];
  const reading = ['GETRANGE', 'STRLEN', 'GET'];
  expect([...connecting, ...ours, ...reading]).toEqual(
    expect.arrayContaining(Object.keys(stack.redis.counters().commands)),
  );
  expect(stack.redis.counters().commands).toMatchObject({ SET: 2, EXPIRE: 2 });
});

describe('nothing is lost', () => {
  test('a conversation that expired in Redis and began anew keeps its old messages', async () => {
    const { show, announce, work, item, redis } = await setTheScene();
    const { snapshot, event, sessionId, userId } = conversation(5);
    await show(snapshot);
    await work();
    await announce(event);
    await expect.poll(() => item(userId, sessionId)?.messages).toHaveLength(10);
    await redis.del(`session:${sessionId}`);
    const later = turn('msg_later', 59);
    await show({
      ...snapshot,
      createdAt: later[0]!.timestamp,
      lastActivity: later[0]!.timestamp,
      messages: later,
    });
    await announce(eventOf(snapshot, 'msg_later'));
    await expect.poll(() => item(userId, sessionId)?.messages).toEqual([...snapshot.messages, ...later]);
    expect(item(userId, sessionId)).toMatchObject({
      createdAt: snapshot.createdAt,
      lastActivity: later[0]!.timestamp,
    });
  });

  test('two workers on one subscription settle every event once and store every turn', async () => {
    const { show, announce, work, item, counters, path } = await setTheScene();
    await work({ MAX_CONCURRENCY: '4' });
    await work({ MAX_CONCURRENCY: '4' });
    const talks = Array.from({ length: 12 }, () => conversation(4));
    await Promise.all(
      talks.map(async ({ snapshot }) => {
        for (let turns = 1; turns <= 4; turns += 1) {
          const messages = snapshot.messages.slice(0, turns * 2);
          await show({ ...snapshot, messages, lastActivity: messages.at(-1)!.timestamp });
          await announce(eventOf(snapshot, messages.at(-1)!.messageId.replace('_assistant', '')));
        }
      }),
    );
    await expect.poll(() => counters().entities[path]?.completed).toBe(48);
    for (const { snapshot, userId, sessionId } of talks)
      expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
  });

  test('a write whose answer is lost is not repeated blindly, and the event completes', async () => {
    const { stack, show, announce, work, item, counters, path } = await setTheScene();
    const { snapshot, event, sessionId, userId } = conversation(2, { title: 'Has One' });
    await show(snapshot);
    await work();
    stack.cosmos.setFaults({ dropAfterCommit: 1 });
    await announce(event);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
    expect(stack.cosmos.counters().writes).toMatchObject({ create: 1, replace: 0 });
  });
});

describe('titles', () => {
  test('a conversation gets the title that is made of its own words, with one request', async () => {
    const { stack, show, announce, work, item } = await setTheScene();
    const { titleFor } = await import('../emulators/chat-completions/index.ts');
    await work();
    const talks = Array.from({ length: 8 }, () => conversation(2));
    for (const { snapshot, event } of talks) {
      await show(snapshot);
      await announce(event);
    }
    for (const { snapshot, userId, sessionId } of talks)
      await expect
        .poll(() => item(userId, sessionId)?.title)
        .toBe(titleFor(String(snapshot.messages[0]!.content)));
    expect(stack.chat.counters().requests).toBe(8);
  });

  test('titles have a bound of their own, and what waits for one takes no slot from other conversations', async () => {
    const { stack, show, announce, work, item, counters, path } = await setTheScene();
    stack.chat.setFaults({ freeze: true });
    await work({ MAX_CONCURRENCY: '1', MAX_LOCKED_EVENTS: '16', TITLE_MAX_CONCURRENCY: '3' });
    const talks = Array.from({ length: 12 }, () => conversation());
    for (const { snapshot, event } of talks) {
      await show(snapshot);
      await announce(event);
    }
    await expect.poll(() => stack.cosmos.items().length).toBe(12);
    expect(counters().entities[path]?.completed, 'all are durable before any has a title').toBe(0);
    await expect.poll(() => stack.chat.counters().requests).toBe(3);
    stack.chat.setFaults({ freeze: false });
    await expect.poll(() => counters().entities[path]?.completed).toBe(12);
    expect(stack.chat.counters()).toMatchObject({ requests: 12, concurrentPeak: 3 });
    for (const { userId, sessionId } of talks)
      expect(item(userId, sessionId)?.title).toMatch(/^Explain topic/);
  });

  test('a renamed conversation stays renamed, also when the rename lands while the title is being made', async () => {
    const { stack, show, announce, work, item, counters, path } = await setTheScene();
    stack.chat.setFaults({ freeze: true });
    await work();
    const { snapshot, event, sessionId, userId } = conversation();
    await show(snapshot);
    await announce(event);
    await expect.poll(() => item(userId, sessionId)?.title).toBe('New Conversation');
    const { _etag, _rid, _self, _ts, _attachments, ...stored } = item(userId, sessionId)!;
    await expect.poll(() => stack.chat.counters().requests).toBe(1);
    stack.cosmos.put({ ...stored, title: 'My own name' });
    stack.chat.setFaults({ freeze: false });
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    expect(stack.chat.counters().answered).toBe(1);
    expect(item(userId, sessionId)?.title).toBe('My own name');
    const next = turn('msg_next', 30);
    await show({ ...snapshot, lastActivity: next[0]!.timestamp, messages: [...snapshot.messages, ...next] });
    await announce(eventOf(snapshot, 'msg_next'));
    await expect.poll(() => item(userId, sessionId)?.messages).toHaveLength(4);
    expect(item(userId, sessionId)?.title).toBe('My own name');
  });

  test.each([['  '], [''], [null], [42]])(
    'a stored title that is none is made good, and paid once: %j',
    async (title) => {
      const { stack, show, announce, work, item, counters, path } = await setTheScene();
      const { snapshot, event, sessionId, userId } = conversation();
      stack.cosmos.put({ id: sessionId, ...snapshot, title, persistedAt: snapshot.lastActivity });
      await show(snapshot);
      await work();
      await announce(event);
      await expect.poll(() => counters().entities[path]?.completed).toBe(1);
      expect(item(userId, sessionId)?.title).toMatch(/^Explain/);
      await announce(event);
      await expect.poll(() => counters().entities[path]?.completed).toBe(2);
      expect(stack.chat.counters().requests).toBe(1);
    },
  );

  test('what the model says is cleaned, and what is no title is the fallback', async () => {
    const { stack, show, announce, work, item, counters, path } = await setTheScene();
    await work();
    const answers: [string, string][] = [
      ['<think>hm\nhm</think>\n**Title:** "Bread for Beginners."', 'Bread for Beginners'],
      ['x'.repeat(10_000), 'New Conversation'],
      ['', 'New Conversation'],
      ['Safe\u202egpj.exe', 'Safe gpj.exe'],
    ];
    for (const [index, [answer, title]] of answers.entries()) {
      stack.chat.setFaults({ answer });
      const { snapshot, event, sessionId, userId } = conversation();
      await show(snapshot);
      await announce(event);
      await expect.poll(() => counters().entities[path]?.completed).toBe(index + 1);
      expect(item(userId, sessionId)?.title).toBe(title);
    }
  });

  test('a model that is away costs the title, not the conversation; a later event brings it', async () => {
    const { stack, show, announce, work, item, counters, path } = await setTheScene();
    stack.chat.setFaults({ refuseConnections: true });
    await work({ TITLE_TIMEOUT_SECONDS: '2' });
    const { snapshot, event, sessionId, userId } = conversation();
    await show(snapshot);
    await announce(event);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    expect(item(userId, sessionId)?.title).toBe('New Conversation');
    stack.chat.setFaults({ refuseConnections: false });
    await announce(event);
    await expect.poll(() => item(userId, sessionId)?.title).not.toBe('New Conversation');
  });

  test('a refusal for good is remembered; reasoning models are coped with', async () => {
    const { stack, show, announce, work, item, counters, path } = await setTheScene();
    stack.chat.setFaults({ contentFilter: true });
    await work();
    const { snapshot, event, sessionId, userId } = conversation();
    await show(snapshot);
    await announce(event);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    expect(item(userId, sessionId)).toMatchObject({ title: 'New Conversation', titleRefused: true });
    const asked = stack.chat.counters().requests;
    await announce(event);
    await expect.poll(() => counters().entities[path]?.completed).toBe(2);
    expect(stack.chat.counters().requests).toBe(asked);

    stack.chat.setFaults({ contentFilter: false, reasoningModel: true });
    const other = conversation();
    await show(other.snapshot);
    await announce(other.event);
    await expect.poll(() => item(other.userId, other.sessionId)?.title).toMatch(/^Explain topic/);
  });
});
