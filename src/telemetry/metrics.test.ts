import { MeterProvider } from '@opentelemetry/sdk-metrics';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { expect, test } from 'vitest';
import { samplesOf } from '../../test/prometheus-samples.ts';
import { parseEvent, type TurnEvent } from '../history/event.ts';
import { Failure } from '../pipeline/failures.ts';
import type { HeldEvent } from '../pipeline/ports.ts';
import { bothOf, unwatched, type Watch } from '../pipeline/watch.ts';
import { type Metric, metrics, prometheusName } from './metric-names.ts';
import { makeMetrics } from './metrics.ts';
import { APP_NAME } from './names.ts';
import { makePrometheus } from './prometheus.ts';

const COMPLETED_AT = '2026-03-01T10:00:00Z';
const completedAtMs = Date.parse(COMPLETED_AT);

/** A watch that counts, with a clock to be set, and what a scrape of it shows. */
function counting() {
  const prometheus = makePrometheus();
  const meter = new MeterProvider({ readers: [prometheus.reader] }).getMeter(APP_NAME);
  const clock = { nowMs: completedAtMs };
  const serviceBus = {
    namespace: 'local',
    connectionString: undefined,
    topic: 'the-topic',
    subscription: 'the-subscription',
  };
  const watch = makeMetrics(meter, { serviceBus }, () => clock.nowMs);
  return { watch, clock, samples: async () => samplesOf(await prometheus.text()), prometheus };
}

const held = (deliveryCount = 0): HeldEvent => ({
  body: undefined,
  messageId: 'message_secret',
  enqueuedAtMs: undefined,
  lock: { lockedUntilMs: 0, renew: async () => 0 },
  deliveryCount,
  traceparent: undefined,
  settle: async () => undefined,
});
const parsed = parseEvent({
  sessionId: 'session_secret',
  userId: 'user_secret',
  chatMessageId: 'turn_secret',
  completedAt: COMPLETED_AT,
  eventType: 'message_completed',
});
const event = (parsed as { event: TurnEvent }).event;

test('an event is counted and its ages are measured from completion and receipt to durability and settlement', async () => {
  const { watch, clock, samples } = counting();
  clock.nowMs += 2_000;
  const watched = watch.received(held(), event);
  clock.nowMs += 3_000;
  expect(await samples()).toMatchObject({
    history_worker_events_in_hand: 1,
    history_worker_events_oldest_in_hand_seconds: 3,
  });
  await watch.round([watched], async (note) => note({ write: 'create', bytes: 500 }));
  watched.durable();
  watched.durable();
  clock.nowMs += 1_000;
  watched.ended({ kind: 'complete' });
  const subscription =
    'messaging_system_name="servicebus",messaging_destination_name="the-topic",messaging_destination_subscription_name="the-subscription"';
  expect(await samples()).toMatchObject({
    [`messaging_client_consumed_messages_total{${subscription}}`]: 1,
    'history_worker_events_settled_total{app_event_outcome="complete"}': 1,
    'history_worker_events_durable_total{app_event_durable_by="round"}': 1,
    history_worker_event_age_at_receipt_seconds_sum: 2,
    history_worker_event_age_at_durability_seconds_sum: 5,
    history_worker_event_age_at_durability_seconds_count: 1,
    'history_worker_event_age_at_durability_seconds_bucket{le="2.5"}': 0,
    'history_worker_event_age_at_durability_seconds_bucket{le="5"}': 1,
    history_worker_event_receipt_to_durable_seconds_sum: 3,
    [`messaging_process_duration_seconds_sum{${subscription}}`]: 4,
    'history_worker_writes_total{app_round_write="create"}': 1,
    history_worker_round_events_sum: 1,
    history_worker_conversation_size_bytes_sum: 500,
    history_worker_events_in_hand: 0,
    history_worker_events_oldest_in_hand_seconds: 0,
  });
});

test('events of a round are told from those that were known to be stored, and a failed round from one that held', async () => {
  const { watch, samples } = counting();
  const three = [
    watch.received(held(), event),
    watch.received(held(1), event),
    watch.received(held(), event),
  ];
  const away = new Failure('StoreUnavailable', 'away');
  await expect(watch.round(three, () => Promise.reject(away))).rejects.toBe(away);
  await watch.round(three.slice(0, 2), async () => undefined);
  for (const one of three) one.durable();
  expect(await samples()).toMatchObject({
    'history_worker_events_durable_total{app_event_durable_by="round"}': 2,
    'history_worker_events_durable_total{app_event_durable_by="memory"}': 1,
    history_worker_events_redelivered_total: 1,
    history_worker_round_events_sum: 2,
    history_worker_round_events_count: 1,
    history_worker_round_duration_seconds_count: 1,
    'history_worker_round_duration_seconds_count{error_type="StoreUnavailable"}': 1,
  });
});

test('what becomes of events is counted by outcome and code', async () => {
  const { watch, samples } = counting();
  watch.received(held(), {}).ended({ kind: 'dead-letter', code: 'InvalidEvent' });
  watch.received(held(), event).ended({ kind: 'lost', code: 'LockLost' });
  watch.received(held(), event).ended({ kind: 'abandon' });
  const seen = await samples();
  expect(seen).toMatchObject({
    'history_worker_events_settled_total{app_event_outcome="dead-letter",error_type="InvalidEvent"}': 1,
    'history_worker_events_settled_total{app_event_outcome="lost",error_type="LockLost"}': 1,
    'history_worker_events_settled_total{app_event_outcome="abandon"}': 1,
    // A body that is none has no age.
    history_worker_event_age_at_receipt_seconds_count: 2,
  });
});

test('what may be alerted on is there before it happens for the first time', async () => {
  const { samples } = counting();
  expect(await samples()).toMatchObject({
    'history_worker_events_settled_total{app_event_outcome="dead-letter",error_type="PartitionFull"}': 0,
    'history_worker_events_settled_total{app_event_outcome="dead-letter",error_type="TurnNotFound"}': 0,
    'history_worker_events_settled_total{app_event_outcome="lost",error_type="LockLost"}': 0,
    'history_worker_titles_total{app_title_result="unavailable"}': 0,
    history_worker_write_conflicts_total: 0,
  });
});

test('a publisher whose clock is ahead makes no age negative', async () => {
  const { watch, clock, samples } = counting();
  clock.nowMs -= 60_000;
  watch.received(held(), event).durable();
  expect(await samples()).toMatchObject({
    history_worker_event_age_at_receipt_seconds_sum: 0,
    history_worker_event_age_at_durability_seconds_sum: 0,
  });
});

test('calls are timed by operation and result, with request units, tokens, retries, conflicts and kinds of writes', async () => {
  const { watch, samples } = counting();
  const call = (...[service, operation, facts]: [Parameters<Watch['call']>[0], string, object]) =>
    watch.call(service, operation, async (note) => note(facts));
  await call('redis', 'getrange', { bytes: 5 });
  await call('cosmos', 'read', { status: 404, requestUnits: 1 });
  await call('cosmos', 'create', { status: 201, requestUnits: 6.5, retries: 0 });
  await call('cosmos', 'replace', { status: 412, requestUnits: 1.5 });
  await call('cosmos', 'patch', { status: 200, requestUnits: 10 });
  await call('cosmos', 'create-segment', { status: 201, requestUnits: 100 });
  await call('cosmos', 'probe', { status: 404 });
  await call('titles', 'chat', { model: 'gpt', status: 429, retries: 1 });
  await call('titles', 'chat', { model: 'gpt', status: 200, retries: 2, inputTokens: 40, outputTokens: 6 });
  await call('service-bus', 'complete', {});
  await call('service-bus', 'receive', {});
  const failing = watch.call('cosmos', 'read', async (note) => {
    note({ status: 503 });
    throw new Failure('StoreUnavailable', 'answered 503');
  });
  await expect(failing).rejects.toThrow('answered 503');
  const cut = watch.call('service-bus', 'receive', () => Promise.reject(new TypeError('secret')));
  await expect(cut).rejects.toThrow('secret');
  watch.titled('stored');
  const cosmos = 'db_system_name="azure.cosmosdb",db_operation_name';
  const gpt =
    'gen_ai_operation_name="chat",gen_ai_provider_name="azure.ai.openai",gen_ai_request_model="gpt"';
  const seen = await samples();
  expect(seen).toMatchObject({
    'db_client_operation_duration_seconds_count{db_system_name="redis",db_operation_name="getrange"}': 1,
    [`db_client_operation_duration_seconds_count{${cosmos}="read_item",db_response_status_code="404"}`]: 1,
    [`db_client_operation_duration_seconds_count{${cosmos}="read_item",db_response_status_code="503",error_type="StoreUnavailable"}`]: 1,
    'azure_cosmosdb_client_operation_request_charge_sum{db_operation_name="create_item",db_response_status_code="201"}': 106.5,
    'azure_cosmosdb_client_operation_request_charge_sum{db_operation_name="replace_item",db_response_status_code="412"}': 1.5,
    history_worker_write_conflicts_total: 1,
    'history_worker_writes_total{app_round_write="patch"}': 1,
    'history_worker_writes_total{app_round_write="segment"}': 1,
    'history_worker_call_retries_total{app_dependency="titles"}': 3,
    [`gen_ai_client_operation_duration_seconds_count{${gpt},http_response_status_code="429"}`]: 1,
    [`gen_ai_client_token_usage_sum{${gpt},gen_ai_token_type="input"}`]: 40,
    [`gen_ai_client_token_usage_sum{${gpt},gen_ai_token_type="output"}`]: 6,
    'messaging_client_operation_duration_seconds_count{messaging_system_name="servicebus",messaging_operation_name="complete"}': 1,
    'messaging_client_operation_duration_seconds_count{messaging_system_name="servicebus",messaging_operation_name="receive",error_type="TypeError"}': 1,
    'history_worker_titles_total{app_title_result="stored"}': 1,
  });
  // A receive that brought nothing has no duration.
  expect(Object.keys(seen).filter((name) => /count.*"receive"/.test(name))).toHaveLength(1);
});

test('no id and no text of an error becomes a label', async () => {
  const { watch, prometheus } = counting();
  const watched = watch.received(held(), event);
  await watch.round([watched], async (note) => note({ write: 'none' }));
  watched.durable();
  watched.ended({ kind: 'dead-letter', code: 'ForeignItem' });
  await watch.call('redis', 'get', () => Promise.reject(new Error('a secret'))).catch(() => undefined);
  expect(await prometheus.text()).not.toContain('secret');
});

test('what others measure is not in the answer: their names may come twice', async () => {
  const prometheus = makePrometheus();
  const provider = new MeterProvider({ readers: [prometheus.reader] });
  for (const scope of ['http', 'undici'])
    provider.getMeter(scope).createHistogram('http.client.request.duration').record(1);
  provider.getMeter(APP_NAME).createCounter('history_worker.titles').add(1);
  const names = Object.keys(samplesOf(await prometheus.text())).map((sample) => sample.split('{', 1)[0]);
  expect(names).toEqual(['target_info', 'history_worker_titles_total']);
});

test('who asks while another is answered gets the same answer', async () => {
  const { prometheus } = counting();
  const [one, other] = [prometheus.text(), prometheus.text()];
  expect(other).toBe(one);
  await one;
  expect(prometheus.text()).not.toBe(one);
});

test('beside another watch each gets its own back', async () => {
  const { watch, samples } = counting();
  const both = bothOf(unwatched, watch);
  const watched = both.received(held(), event);
  await both.round([watched], async (note) => note({ write: 'replace' }));
  watched.durable();
  watched.ended({ kind: 'complete' });
  expect(await samples()).toMatchObject({
    'history_worker_events_durable_total{app_event_durable_by="round"}': 1,
    'history_worker_writes_total{app_round_write="replace"}': 1,
    history_worker_events_in_hand: 0,
  });
});

test('what the semantic conventions have a name for is called so', () => {
  const known = new Set<unknown>(
    Object.entries(conventions).flatMap(([key, name]) => (key.startsWith('METRIC_') ? [name] : [])),
  );
  const foreign = Object.values<Metric>(metrics).filter(({ name }) => !name.startsWith('history_worker.'));
  expect(foreign.filter(({ name }) => !known.has(name))).toEqual([]);
});

test('in Prometheus a name ends in its unit, and a counter in _total', () => {
  expect(prometheusName(metrics.ageAtReceipt)).toBe('history_worker_event_age_at_receipt_seconds');
  expect(prometheusName(metrics.cpuTime)).toBe('process_cpu_time_seconds_total');
  expect(prometheusName(metrics.loopUtilization)).toBe('nodejs_eventloop_utilization_ratio');
  const names = Object.values<Metric>(metrics).map(prometheusName);
  expect(new Set(names).size).toBe(names.length);
});
