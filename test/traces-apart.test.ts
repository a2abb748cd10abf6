import { expect, test } from 'vitest';
import { conversation, eventOf, turn } from './setting.ts';
import { idsOf, observe, sendersTrace } from './telemetry-setting.ts';

const CONVERSATIONS = 38;
const TURNS_OF_LONG_ONES = 4;
/** Short enough that locks are renewed meanwhile. */
const LOCK_MS = 5_000;

/** So that a run that fails can be repeated. */
function makeChance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test.each([
  ['without sessions', false],
  ['with sessions', true],
])(
  'fifty events at once, on timing by chance: no span and no line ever bears the ids of another one (%s)',
  async (_, requiresSession) => {
    const chance = makeChance(49_714_944);
    const { stack, otlp, sender, show, settled, end, worker, spansNamed } = await observe(
      { MAX_CONCURRENCY: '50', MAX_LOCKED_EVENTS: '60', TITLE_MAX_CONCURRENCY: '5', LOG_LEVEL: 'DEBUG' },
      { lockDurationMs: LOCK_MS, requiresSession },
    );

    // Some conversations have several events, which one round covers together.
    const talks = Array.from({ length: CONVERSATIONS }, (_, index) => {
      const talk = conversation(1, chance() < 0.3 ? { title: 'Named' } : {});
      const turns = Array.from(
        { length: index % 10 === 0 ? TURNS_OF_LONG_ONES : 1 },
        (_, at) => `t${index}_${at}`,
      );
      return {
        ...talk,
        turns,
        snapshot: { ...talk.snapshot, messages: turns.flatMap((id, at) => turn(id, at)) },
      };
    });
    await Promise.all(talks.map(({ snapshot }) => show(snapshot)));
    const events = talks
      .flatMap((talk) => talk.turns.map((chatMessageId) => ({ talk, chatMessageId, ...sendersTrace() })))
      .sort(() => chance() - 0.5);
    expect(events).toHaveLength(50);
    const turbulence = setInterval(() => {
      stack.cosmos.setFaults({ latencyMs: chance() * 150 });
      stack.redis.setFaults({ latencyMs: chance() * 100 });
      stack.chat.setFaults({ latencyMs: chance() * 400 });
      stack.serviceBus.setFaults({ latencyMs: chance() * 30 });
    }, 37);
    stack.cosmos.setFaults({
      status: { code: 429, retryAfterMs: 20, every: 7, operations: ['read', 'create', 'patch'] },
    });
    stack.redis.setFaults({ failEvery: 9 });
    // What is not answered is tried again after 5 s, under a renewed lock.
    stack.cosmos.setFaults({ freezeEvery: 11 });
    await Promise.all(
      events.map(async ({ talk, chatMessageId, traceparent }) => {
        await new Promise((resolve) => setTimeout(resolve, chance() * 300));
        await sender.sendMessages({
          body: eventOf(talk, chatMessageId),
          ...(requiresSession ? { sessionId: talk.sessionId } : {}),
          messageId: chatMessageId,
          // The client links what it does for a message to this, whatever context it does it in.
          applicationProperties: { 'Diagnostic-Id': traceparent },
        });
      }),
    );
    await settled(50, 60_000);
    clearInterval(turbulence);
    // Then the connections go, and everything that the clients do about it is nobody's.
    stack.serviceBus.setFaults({ latencyMs: 0 });
    stack.serviceBus.act('dropConnections');
    stack.redis.setFaults({ refuseConnections: true, failEvery: null, latencyMs: 0 });
    stack.cosmos.setFaults({ refuseConnections: true, status: null, freezeEvery: null, latencyMs: 0 });
    const last = conversation(1, { title: 'Named' });
    const lastTrace = sendersTrace();
    await expect.poll(() => worker.lines.some(({ msg }) => msg === 'Redis connection')).toBe(true);
    await sender.sendMessages({
      body: last.event,
      ...(requiresSession ? { sessionId: last.sessionId } : {}),
      messageId: last.chatMessageId,
      applicationProperties: { 'Diagnostic-Id': lastTrace.traceparent },
    });
    await expect.poll(() => spansNamed('probe redis').length).toBeGreaterThan(0);
    stack.redis.setFaults({ refuseConnections: false });
    stack.cosmos.setFaults({ refuseConnections: false });
    await show(last.snapshot);
    await settled(51, 30_000);
    await end();

    const byTrace = new Map<string, ReturnType<typeof idsOf>>(
      events.map(({ traceId, talk: { userId, sessionId }, chatMessageId }) => [
        traceId,
        { userId, sessionId, chatMessageId },
      ]),
    );
    byTrace.set(lastTrace.traceId, {
      userId: last.userId,
      sessionId: last.sessionId,
      chatMessageId: last.chatMessageId,
    });
    const none = { userId: undefined, sessionId: undefined, chatMessageId: undefined };
    for (const span of otlp.spans) {
      expect(idsOf(span), `${span.name} ${span.traceId}`).toEqual(byTrace.get(span.traceId) ?? none);
      expect(span.attributes['app.name']).toBe('history-worker');
      // The exporter's own requests are none.
      expect(String(span.attributes['url.full'])).not.toContain(otlp.url);
      // What the clients themselves say of whose it is.
      const read = /session:(.+)$/.exec(String(span.attributes['db.query.text'] ?? ''))?.[1];
      if (read && read !== '~probe') expect(idsOf(span).sessionId, span.name).toBe(read);
      if (span.scope === '@azure/service-bus' && span.links)
        expect(
          span.links.map(({ traceId }) => traceId),
          span.name,
        ).toEqual([span.traceId]);
    }
    for (const { traceId } of [...events, lastTrace]) {
      const settlements = otlp.spans.filter(
        (span) => span.traceId === traceId && span.name === 'ServicebusReceiver.complete',
      );
      expect(settlements.length).toBeGreaterThan(0);
    }
    for (const record of otlp.records)
      expect(idsOf(record), String(record.body)).toEqual(byTrace.get(record.traceId ?? '') ?? none);
    for (const line of worker.lines) {
      const ids = idsOf({ attributes: line });
      expect(ids, line.msg).toEqual(byTrace.get(String(line.trace_id)) ?? none);
      if (line.messageId !== undefined) expect(ids.chatMessageId, line.msg).toBe(line.messageId);
    }

    // All of it was there to be mixed up.
    const inTraces = otlp.spans.filter(({ traceId }) => byTrace.has(traceId));
    const names = new Set(inTraces.map(({ name }) => name));
    for (const name of [
      'process message-completed',
      'persist conversation',
      'redis-GETRANGE',
      'read_item mydocuments',
      'create_item mydocuments',
      'patch_item mydocuments',
      'chat gpt-4',
      'POST',
      'ServicebusReceiver.complete',
      requiresSession ? 'ServiceBusSessionReceiver.renewSessionLock' : 'ServiceBusReceiver.renewMessageLock',
    ])
      expect(names, name).toContain(name);
    // Nothing that is done for an event begins after its end, as what a client's timers do would.
    // One that was delivered twice has two in one trace.
    const deliveries = Map.groupBy(spansNamed('process message-completed'), ({ traceId }) => traceId);
    for (const event of [...deliveries.values()].flatMap((spans) => (spans.length === 1 ? spans : [])))
      for (const span of inTraces.filter(({ traceId }) => traceId === event.traceId))
        expect(span.start <= event.end, `${span.name} after its event`).toBe(true);
  },
  120_000,
);
