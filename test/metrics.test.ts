import { expect, test } from 'vitest';
import { SUBSCRIPTION, TOPIC } from '../emulators/stack.ts';
import { askHealth, sum } from './scrape.ts';
import { conversation, eventOf, setTheScene, turn } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

async function scraped(environment: Record<string, string> = {}, options = {}) {
  const scene = await setTheScene(options);
  const worker = startWorkerProcess({ ...scene.stack.environment, HEALTH_PORT: '0', ...environment });
  const { metrics } = await askHealth(worker);
  await expect.poll(() => worker.said('receiving')).toBe(true);
  return { ...scene, worker, metrics, entity: () => scene.counters().entities[scene.path]! };
}

test('a scrape shows what was put in, as the services themselves have counted it', async () => {
  const { stack, show, announce, metrics, entity } = await scraped();
  const [named, unnamed] = [conversation(2, { title: 'Named' }), conversation(3)];
  await show(named.snapshot);
  await show(unnamed.snapshot);
  await announce(named.event);
  await announce(unnamed.event);
  await announce({ ...named.event, userId: undefined });
  await expect.poll(() => entity().completed + entity().deadLettered).toBe(3);
  await expect.poll(async () => (await metrics()).history_worker_events_in_hand).toBe(0);

  const seen = await metrics();
  const { delivered, completed, deadLettered } = entity();
  expect(sum(seen, 'messaging_client_consumed_messages_total', TOPIC, SUBSCRIPTION)).toBe(delivered);
  expect(sum(seen, 'history_worker_events_settled_total', '"complete"')).toBe(completed);
  expect(sum(seen, 'history_worker_events_settled_total', '"dead-letter"')).toBe(deadLettered);
  expect(sum(seen, 'history_worker_events_settled_total', '"dead-letter"', '"InvalidEvent"')).toBe(1);
  expect(sum(seen, 'history_worker_events_durable_total')).toBe(2);
  expect(sum(seen, 'messaging_process_duration_seconds_count')).toBe(3);
  expect(sum(seen, 'history_worker_event_age_at_durability_seconds_count')).toBe(2);
  // The events were completed months ago: beyond the last boundary.
  expect(sum(seen, 'history_worker_event_age_at_receipt_seconds_bucket', 'le="86400"')).toBe(0);
  expect(sum(seen, 'history_worker_event_age_at_receipt_seconds_bucket', 'le="+Inf"')).toBe(2);

  const { writes, requestUnits } = stack.cosmos.counters();
  expect(sum(seen, 'history_worker_writes_total', '"create"')).toBe(writes.create);
  expect(sum(seen, 'history_worker_writes_total', '"patch"')).toBe(writes.patch);
  const charged = sum(seen, 'azure_cosmosdb_client_operation_request_charge_sum');
  expect(charged).toBeGreaterThan(0);
  // A charge is told to two places.
  expect(charged).toBeCloseTo(requestUnits, 1);
  expect(sum(seen, 'db_client_operation_duration_seconds_count', '"redis"', '"getrange"')).toBe(
    stack.redis.counters().commands.GETRANGE,
  );
  expect(sum(seen, 'messaging_client_operation_duration_seconds_count', '"complete"')).toBe(completed);

  const { promptTokens, completionTokens, answered } = stack.chat.counters();
  expect(sum(seen, 'history_worker_titles_total', '"stored"')).toBe(1);
  expect(sum(seen, 'gen_ai_client_operation_duration_seconds_count', '"200"')).toBe(answered);
  expect(sum(seen, 'gen_ai_client_token_usage_sum', '"input"')).toBe(promptTokens);
  expect(sum(seen, 'gen_ai_client_token_usage_sum', '"output"')).toBe(completionTokens);

  expect(seen.process_memory_usage_bytes).toBeGreaterThan(50e6);
  expect(sum(seen, 'process_cpu_time_seconds_total')).toBeGreaterThan(0.1);
  expect(seen.nodejs_eventloop_delay_max_seconds).toBeGreaterThanOrEqual(
    seen.nodejs_eventloop_delay_p50_seconds!,
  );
});

test('the coalescing of a backlog, lost locks and redeliveries show', async () => {
  const { stack, show, announce, worker, metrics, entity } = await scraped(
    { MAX_CONCURRENCY: '1', MAX_LOCKED_EVENTS: '16' },
    { lockDurationMs: 2_000 },
  );
  const { snapshot } = conversation(1, { title: 'Named' });
  const messages = Array.from({ length: 8 }, (_, index) => turn(`t${index}`, index)).flat();
  await show({ ...snapshot, messages, lastActivity: messages.at(-1)!.timestamp });
  // All of them are in hand before the first read is answered.
  await stack.redis.setFaults({ latencyMs: 1_000 });
  for (let n = 0; n < 8; n += 1) await announce(eventOf(snapshot, `t${n}`));
  await expect.poll(() => entity().completed).toBe(8);
  const seen = await metrics();
  const rounds = seen.history_worker_round_events_count!;
  expect(rounds).toBeLessThan(4);
  expect(sum(seen, 'history_worker_events_durable_total')).toBe(8);
  const { reads } = stack.cosmos.counters();
  expect(sum(seen, 'db_client_operation_duration_seconds_count', '"read_item"')).toBe(reads);

  await stack.redis.setFaults({ latencyMs: 0 });
  stack.cosmos.setFaults({ freeze: true });
  const next = conversation(1, { title: 'Named' });
  await show(next.snapshot);
  await announce(next.event);
  await expect.poll(() => entity().locked).toBe(1);
  stack.serviceBus.act('loseLocks');
  stack.cosmos.setFaults({ freeze: false });
  await expect.poll(() => entity().completed).toBe(9);
  await expect
    .poll(async () => sum(await metrics(), 'history_worker_events_settled_total', '"lost"', 'LockLost'))
    .toBeGreaterThan(0);
  const after = await metrics();
  expect(after.history_worker_events_redelivered_total).toBe(entity().redelivered);
  expect(worker.lines.some(({ level }) => level === 'ERROR')).toBe(false);
});

test('failed work, throttling, retries and an outage that is over show under their codes', async () => {
  const { stack, show, announce, metrics, entity } = await scraped();
  const [first, second] = [conversation(), conversation(1, { title: 'Named' })];
  await show(first.snapshot);
  await show(second.snapshot);
  await stack.chat.setFaults({ status: { code: 503, count: 1 } });
  await announce(first.event);
  await expect.poll(() => entity().completed).toBe(1);
  stack.cosmos.setFaults({
    status: { code: 429, substatus: 3200, retryAfterMs: 20, operations: ['create'], count: 2 },
  });
  await announce(second.event);
  await expect.poll(() => entity().completed).toBe(2);
  const seen = await metrics();
  expect(sum(seen, 'history_worker_call_retries_total', '"titles"')).toBe(1);
  expect(sum(seen, 'history_worker_round_duration_seconds_count', '"StoreThrottled"')).toBe(2);
  expect(
    sum(seen, 'db_client_operation_duration_seconds_count', '"create_item"', '"429"', '"StoreThrottled"'),
  ).toBe(2);
  expect(sum(seen, 'history_worker_writes_total', '"create"')).toBe(2);
});

test.each([false, true])(
  'the age of the oldest event shows while nothing can be worked on, with sessions: %s',
  async (requiresSession) => {
    const { stack, show, announce, metrics, entity } = await scraped(
      { MAX_CONCURRENCY: '1', MAX_LOCKED_EVENTS: '1' },
      { requiresSession },
    );
    const AGE = 'history_worker_subscription_oldest_event_seconds';
    expect((await metrics())[AGE]).toBe(0);
    stack.cosmos.setFaults({ freeze: true });
    const talks = Array.from({ length: 3 }, () => conversation(1, { title: 'Named' }));
    for (const { snapshot } of talks) await show(snapshot);
    for (const { event } of talks) await announce(event);
    const sentAtMs = Date.now();
    // Service Bus is asked every five seconds at most.
    await expect.poll(async () => (await metrics())[AGE]).toBeGreaterThan(1);
    const age = (await metrics())[AGE]!;
    expect(Math.abs(age - (Date.now() - sentAtMs) / 1000)).toBeLessThan(2);
    stack.cosmos.setFaults({ freeze: false });
    await expect.poll(() => entity().completed).toBe(3);
    await expect.poll(async () => (await metrics())[AGE]).toBe(0);
  },
);

test('no id and no word of a conversation is in an answer, whatever goes wrong', async () => {
  const { show, redis, announce, metrics, worker, entity } = await scraped({
    TITLE_TIMEOUT_SECONDS: '1',
  });
  const canary = 'kanarienvogel';
  const talk = conversation(1, { userId: `user_${canary}` });
  await show({ ...talk.snapshot, messages: turn(`msg_${canary}`, 0, `${canary} words`) });
  await announce(eventOf(talk.snapshot, `msg_${canary}`), `message_${canary}`);
  await announce(`not json ${canary}`);
  await announce({ ...talk.event, eventType: canary });
  const broken = conversation(1, { userId: `user_${canary}` });
  await redis.set(`session:${broken.sessionId}`, `{"messages": [${canary}`);
  await announce(broken.event);
  await expect.poll(() => entity().completed + entity().deadLettered).toBe(4);
  const health = await askHealth(worker);
  const texts = await Promise.all(
    ['metrics', 'readyz', 'livez'].map(async (path) => (await fetch(`${health.url}/${path}`)).text()),
  );
  expect(sum(await metrics(), 'history_worker_events_settled_total', '"dead-letter"')).toBe(3);
  expect(texts.join('\n')).not.toContain(canary);
  for (const id of [talk.sessionId, broken.sessionId, talk.userId])
    expect(texts.join('\n')).not.toContain(id);
});
