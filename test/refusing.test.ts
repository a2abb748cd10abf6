import { describe, expect, test } from 'vitest';
import { conversation, eventOf, setTheScene, turn } from './setting.ts';

describe('bad input is dead-lettered with a reason, and stops nothing', () => {
  test('events that are none, or another type of event', async () => {
    const { show, announce, sender, work, item, deadLetters, stack } = await setTheScene();
    const { snapshot, event, sessionId, userId } = conversation();
    await show(snapshot);
    await work();
    await sender.sendMessages({ body: '{"sessionId": secret words', messageId: 'broken' });
    await announce({ ...event, sessionId: 'a/b' }, 'illegal id');
    // Two of them, since as many conversations that fail close a gate.
    await announce({ ...event, sessionId: ' ' }, 'blank id');
    await announce({ ...event, sessionId: '\t' }, 'blank id too');
    await announce({ ...event, userId: undefined }, 'no user');
    await announce({ ...event, completedAt: 'yesterday' }, 'no date');
    await announce({ ...event, eventType: 'memory_updated' }, 'other type');
    await expect.poll(async () => (await deadLetters()).length).toBe(7);
    const found = Object.fromEntries(
      (await deadLetters()).map(({ messageId, reason, description }) => [
        messageId,
        `${reason}: ${description}`,
      ]),
    );
    expect(found.broken).toMatch(/^InvalidEvent: body /);
    expect(found['illegal id']).toMatch(/^InvalidEvent: sessionId /);
    expect(found['blank id']).toMatch(/^InvalidEvent: sessionId /);
    expect(found['no user']).toMatch(/^InvalidEvent: userId /);
    expect(found['no date']).toMatch(/^InvalidEvent: completedAt /);
    expect(found['other type']).toMatch(/^UnexpectedEventType: /);
    expect(JSON.stringify(found)).not.toContain('secret words');
    const { GET = 0, GETRANGE = 0 } = stack.redis.counters().commands;
    expect(GET + GETRANGE).toBe(0);
    await announce(event);
    await expect.poll(() => item(userId, sessionId)?.messages).toEqual(snapshot.messages);
  });

  test('conversations of somebody else, or that are none', async () => {
    const { show, redis, announce, work, deadLetters, stack } = await setTheScene();
    const [foreign, swapped, broken, list] = [conversation(), conversation(), conversation(), conversation()];
    const latin = conversation();
    const french = JSON.stringify(latin.snapshot).replace('Explain', 'Présentez');
    await show({ ...foreign.snapshot, userId: 'somebody else' });
    await redis.set(
      `session:${swapped.sessionId}`,
      JSON.stringify({ ...swapped.snapshot, sessionId: 'another' }),
    );
    await redis.set(`session:${broken.sessionId}`, '{"messages": [secret words');
    await redis.lPush(`session:${list.sessionId}`, 'x');
    await redis.set(`session:${latin.sessionId}`, Buffer.from(french, 'latin1'));
    await work();
    for (const [name, { event }] of Object.entries({ foreign, swapped, broken, list, latin }))
      await announce(event, name);
    await expect.poll(async () => (await deadLetters()).length).toBe(5);
    const found = await deadLetters();
    expect(Object.fromEntries(found.map(({ messageId, reason }) => [messageId, reason]))).toEqual({
      foreign: 'IdentityMismatch',
      swapped: 'IdentityMismatch',
      broken: 'InvalidConversation',
      list: 'InvalidConversation',
      latin: 'InvalidConversation',
    });
    expect(JSON.stringify(found.map(({ description }) => description))).not.toContain('secret words');
    expect(stack.cosmos.items()).toEqual([]);
  });

  test.each([
    ['/userId', 2, ['IdentityMismatch']],
    ['/sessionId', 1, ['ForeignItem', 'IdentityMismatch']],
  ])(
    'a session id that two users share mixes nothing up in a container keyed by %s',
    async (partitionKeyPath, stored, reasons) => {
      const { stack, show, announce, work, deadLetters, counters, path } = await setTheScene({
        partitionKeyPath,
      });
      const mine = conversation(1, { userId: 'mine', title: 'Mine' });
      const theirs = conversation(1, { userId: 'theirs', title: 'Theirs', sessionId: mine.sessionId });
      await work();
      await show(mine.snapshot);
      await announce(eventOf(mine.snapshot, mine.chatMessageId));
      await expect.poll(() => counters().entities[path]?.completed).toBe(1);
      await show(theirs.snapshot);
      await announce(eventOf(theirs.snapshot, theirs.chatMessageId));
      await announce(eventOf(mine.snapshot, mine.chatMessageId));
      const settled = async () => (await deadLetters()).length + (counters().entities[path]?.completed ?? 0);
      await expect.poll(settled).toBe(3);
      expect((await deadLetters()).map(({ reason }) => reason).sort()).toEqual(reasons);
      const found = new Map(stack.cosmos.items().map((item) => [item.userId, item.messages]));
      expect(found.size).toBe(stored);
      expect(found.get('mine')).toEqual(mine.snapshot.messages);
      if (stored === 2) expect(found.get('theirs')).toEqual(theirs.snapshot.messages);
    },
  );

  test('an item of the container that is no conversation is left alone', async () => {
    const { stack, show, announce, work, deadLetters, item } = await setTheScene();
    const { snapshot, event, sessionId, userId } = conversation();
    stack.cosmos.put({ id: sessionId, userId, type: 'profile', colour: 'blue' });
    await show(snapshot);
    await work();
    await announce(event);
    await expect.poll(async () => (await deadLetters()).map(({ reason }) => reason)).toEqual(['ForeignItem']);
    expect(item(userId, sessionId)).toMatchObject({ type: 'profile', colour: 'blue' });
  });

  test('a page that is none of the conversation’s stops neither it nor the others, and is not written over', async () => {
    const { stack, show, announce, work, deadLetters, counters, path } = await setTheScene();
    const { fatal } = await work({ TURN_WAIT_SECONDS: '0' });
    const pages = [{ messages: [null] }, { messages: 'x' }, {}, { sessionId: 'another', messages: [] }];
    for (const [index, page] of pages.entries()) {
      const { snapshot, event, sessionId, userId } = conversation(1, { title: 'Named' });
      const id = `~seg|${index}`;
      const head = { id: sessionId, ...snapshot, messages: turn('old', 0) };
      stack.cosmos.put({ ...head, segments: [{ id, count: 1, bytes: 10, digest: 'x' }] });
      stack.cosmos.put({ id, type: 'segment', sessionId, userId, ...page });
      await show(snapshot);
      await announce(event);
    }
    const other = conversation();
    await show(other.snapshot);
    await announce(other.event);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    await expect
      .poll(async () => (await deadLetters()).map(({ reason }) => reason))
      .toEqual(pages.map(() => 'SegmentMissing'));
    expect(fatal).toEqual([]);
    const heads = stack.cosmos.items().filter(({ segments }) => segments);
    expect(heads.map(({ messages }) => messages)).toEqual(pages.map(() => turn('old', 0)));
  });

  test('a full partition and a refused document cost their own events only', async () => {
    const { stack, show, announce, work, deadLetters, item } = await setTheScene();
    const [full, other] = [conversation(1, { userId: 'full' }), conversation()];
    const fullEvent = eventOf(full.snapshot, full.chatMessageId);
    stack.cosmos.setFaults({ partitionFull: ['full'] });
    await show(full.snapshot);
    await show(other.snapshot);
    await work();
    await announce(fullEvent);
    await announce(other.event);
    await expect.poll(() => item(other.userId, other.sessionId)).toBeDefined();
    await expect
      .poll(async () => (await deadLetters()).map(({ reason }) => reason))
      .toEqual(['PartitionFull']);
    stack.cosmos.setFaults({ partitionFull: [], status: { code: 400, operations: ['create'], count: 1 } });
    const refused = conversation();
    await show(refused.snapshot);
    await announce(refused.event);
    await expect
      .poll(async () => (await deadLetters()).map(({ reason }) => reason))
      .toEqual(['PartitionFull', 'RejectedByStore']);
  });

  test('a message that no item can hold keeps its place; its event is told, the next completes', async () => {
    const { show, announce, work, deadLetters, item, counters, path } = await setTheScene();
    const { snapshot, event, sessionId, userId } = conversation(2);
    const [first, ...rest] = snapshot.messages;
    const huge = { ...first!, content: 'x'.repeat(2_200_000) };
    await show({ ...snapshot, messages: [huge, ...rest] });
    await work();
    await announce(eventOf(snapshot, first!.messageId.replace('_user', '')));
    await announce(event);
    await expect
      .poll(async () => (await deadLetters()).map(({ reason }) => reason))
      .toEqual(['MessageTooLarge']);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    const { content: _, ...place } = huge;
    expect(item(userId, sessionId)?.messages).toEqual([
      { ...place, omittedBytes: expect.any(Number) },
      ...rest,
    ]);
  });
});

describe('what is not there', () => {
  test('an expired conversation whose turn history holds is complete; a deleted one stays deleted', async () => {
    const { stack, announce, work, counters, path, item } = await setTheScene();
    const [kept, deleted] = [conversation(), conversation()];
    stack.cosmos.put({
      id: kept.sessionId,
      ...kept.snapshot,
      title: 'Kept',
      persistedAt: '2026-03-01T12:00:01Z',
    });
    stack.cosmos.put({
      id: deleted.sessionId,
      sessionId: deleted.sessionId,
      userId: deleted.userId,
      deletedAt: '2026-03-02T00:00:00Z',
    });
    await work();
    await announce(kept.event);
    await announce(deleted.event);
    await expect.poll(() => counters().entities[path]?.completed).toBe(2);
    expect(item(deleted.userId, deleted.sessionId)).not.toHaveProperty('messages');
  });

  test('a turn that neither side shows is waited for, then dead-lettered; what was there is persisted at once', async () => {
    const { show, announce, work, deadLetters, item } = await setTheScene();
    const { snapshot, sessionId, userId } = conversation();
    await show(snapshot);
    await work({ TURN_WAIT_SECONDS: '1' });
    await announce(eventOf(snapshot, 'msg_never'), 'turn');
    await announce(eventOf({ sessionId: 'gone', userId }, 'msg_x'), 'conversation');
    await expect.poll(() => item(userId, sessionId)?.messages).toEqual(snapshot.messages);
    await expect
      .poll(async () =>
        Object.fromEntries((await deadLetters()).map(({ messageId, reason }) => [messageId, reason])),
      )
      .toEqual({
        turn: 'TurnNotFound',
        conversation: 'ConversationNotFound',
      });
  });

  test('a turn that shows late, as from a lagging replica, is complete', async () => {
    const { show, announce, work, item, counters, path } = await setTheScene();
    const { snapshot, event, sessionId, userId } = conversation(2);
    await show({ ...snapshot, messages: snapshot.messages.slice(0, 2) });
    await work();
    await announce(event);
    await expect.poll(() => item(userId, sessionId)?.messages).toHaveLength(2);
    await show(snapshot);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    expect(item(userId, sessionId)?.messages).toEqual(snapshot.messages);
  });
});
