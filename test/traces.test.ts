import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { conversation, eventOf, turn } from './setting.ts';
import { idsOf, observe, sendersTrace } from './telemetry-setting.ts';

const INTERNAL = 1;
const CLIENT = 3;
const CONSUMER = 5;
const ERROR = 2;

/** The names of spans as a tree: each with those below it. */
function tree(
  spans: readonly { spanId: string; parentSpanId?: string; name: string }[],
  parent: string,
): object {
  const below = spans.filter(({ parentSpanId }) => parentSpanId === parent);
  return Object.fromEntries(
    below.map(({ name, spanId }) => [name, tree(spans, spanId)]).sort(([a], [b]) => (a! < b! ? -1 : 1)),
  );
}

test("Redis' client pings for ever, and makes no span of it", async () => {
  const { stack, end, spansNamed } = await observe();
  await expect.poll(() => stack.redis.counters().commands.PING).toBeGreaterThan(0);
  await end();
  expect(spansNamed('redis-connect')).toHaveLength(1);
  expect(spansNamed(/PING/)).toEqual([]);
});

describe('an event', () => {
  test.each(['Diagnostic-Id', 'traceparent'])(
    "is one trace with its sender's, from receipt to settlement (%s)",
    async (property) => {
      const { otlp, sender, show, settled, end, spansNamed } = await observe();
      const { snapshot, event, userId, sessionId, chatMessageId } = conversation(2);
      const { traceId, spanId, traceparent } = sendersTrace();
      await show(snapshot);
      await sender.sendMessages({
        body: event,
        messageId: 'm1',
        applicationProperties: { [property]: traceparent },
      });
      await settled(1);
      await end();

      const spans = otlp.spans.filter((span) => span.traceId === traceId);
      expect(tree(spans, spanId)).toEqual({
        'process message-completed': {
          'ServicebusReceiver.complete': {},
          'persist conversation': {
            'redis-GETRANGE': {},
            'create_item mydocuments': {},
            'chat gpt-4': { POST: {} },
            'patch_item mydocuments': {},
          },
        },
      });
      for (const span of spans) {
        expect(idsOf(span), span.name).toEqual({ userId, sessionId, chatMessageId });
        expect(span.attributes['app.name']).toBe('history-worker');
        expect(span.resource['service.name']).toBe('history-worker');
        expect(span.status?.code ?? 0, span.name).not.toBe(ERROR);
      }

      const attributesOf = (name: string) => spansNamed(name)[0]!.attributes;
      expect(spansNamed('process message-completed')[0]!.kind).toBe(CONSUMER);
      expect(attributesOf('process message-completed')).toMatchObject({
        'messaging.system': 'servicebus',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'message-completed',
        'messaging.destination.subscription.name': 'history-worker-message-completed',
        'messaging.message.id': 'm1',
        'azure.servicebus.message.delivery_count': 1,
        'azure.servicebus.message.enqueued_time': expect.any(Number),
        'azure.servicebus.disposition_status': 'complete',
        'app.event.outcome': 'complete',
        'app.event.durable_after_ms': expect.any(Number),
      });
      expect(spansNamed('persist conversation')[0]!.kind).toBe(INTERNAL);
      expect(attributesOf('persist conversation')).toMatchObject({
        'app.round.events': 1,
        'app.round.write': 'create',
        'app.round.conflicts': 0,
        'app.conversation.messages': 4,
        'app.conversation.bytes': Buffer.byteLength(JSON.stringify(snapshot)),
      });
      expect(spansNamed('create_item mydocuments')[0]!.kind).toBe(CLIENT);
      expect(attributesOf('create_item mydocuments')).toMatchObject({
        'db.system.name': 'azure.cosmosdb',
        'db.namespace': 'mydb',
        'db.collection.name': 'mydocuments',
        'db.operation.name': 'create_item',
        'db.response.status_code': '201',
        'azure.cosmosdb.operation.request_charge': expect.any(Number),
        'app.call.retries': 0,
      });
      expect(
        attributesOf('create_item mydocuments')['azure.cosmosdb.operation.request_charge'],
      ).toBeGreaterThan(1);
      expect(attributesOf('chat gpt-4')).toMatchObject({
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'azure.ai.openai',
        'gen_ai.request.model': 'gpt-4',
        'gen_ai.response.model': 'gpt-4',
        'gen_ai.usage.input_tokens': expect.any(Number),
        'gen_ai.usage.output_tokens': expect.any(Number),
        'app.call.retries': 0,
      });
      expect(attributesOf('redis-GETRANGE')['db.query.text']).toBe(`GETRANGE session:${sessionId}`);
      // The client would make a span of its own for each receive, also for those that bring nothing.
      expect(spansNamed(/process/)).toHaveLength(1);
    },
  );

  test.each([
    ['none', undefined],
    ['no trace', 'garbage'],
    ['one of a later version with more behind it', `${sendersTrace().traceparent}-what`],
  ])('whose sender tells of %s begins a trace of its own', async (_, traceparent) => {
    const { sender, show, settled, end, spansNamed } = await observe();
    const { snapshot, event } = conversation(1, { title: 'Named' });
    await show(snapshot);
    await sender.sendMessages({
      body: event,
      ...(traceparent === undefined ? {} : { applicationProperties: { traceparent } }),
    });
    await settled(1);
    await end();
    const [span] = spansNamed('process message-completed');
    expect(span!.parentSpanId).toBeUndefined();
    expect(idsOf(span!).sessionId).toBe(event.sessionId);
  });

  test('that comes again says which delivery it is, and the delivery before that it was handed back', async () => {
    const { stack, sender, show, worker, start, counters, path, spansNamed } = await observe();
    stack.cosmos.setFaults({ freeze: true });
    const { snapshot, event } = conversation(1, { title: 'Named' });
    const { traceId, traceparent } = sendersTrace();
    await show(snapshot);
    await sender.sendMessages({ body: event, applicationProperties: { traceparent } });
    await expect.poll(() => counters().entities[path]!.locked).toBe(1);
    worker.kill('SIGTERM');
    await expect.poll(() => worker.said('draining')).toBe(true);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(3);
    stack.cosmos.setFaults({ freeze: false });
    const next = await start();
    await expect.poll(() => next.said('event completed')).toBe(true);
    next.kill('SIGTERM');
    await next.exited;
    const deliveries = spansNamed('process message-completed').map((span) => ({
      traceId: span.traceId,
      count: span.attributes['azure.servicebus.message.delivery_count'],
      outcome: span.attributes['app.event.outcome'],
    }));
    expect(deliveries).toEqual([
      { traceId, count: 1, outcome: 'abandon' },
      { traceId, count: 2, outcome: 'complete' },
    ]);
  });

  test('that cannot be worked is an exception under its code', async () => {
    const { otlp, sender, announce, show, end, linesOf, spansNamed } = await observe({
      TURN_WAIT_SECONDS: '0',
    });
    const { event } = conversation();
    const mismatched = conversation();
    await show({ ...mismatched.snapshot, userId: 'somebody else' });
    await announce(event, 'not there');
    await announce(mismatched.event, 'mismatched');
    await sender.sendMessages({ body: 'no event', messageId: 'broken' });
    await expect.poll(() => linesOf('event dead-lettered').length).toBe(3);
    await end();
    const codes: Record<string, string> = {
      'not there': 'ConversationNotFound',
      mismatched: 'IdentityMismatch',
      broken: 'InvalidEvent',
    };
    const events = spansNamed('process message-completed');
    expect(events).toHaveLength(3);
    for (const span of events) {
      const code = codes[String(span.attributes['messaging.message.id'])];
      expect(span.attributes).toMatchObject({
        'app.event.outcome': 'dead-letter',
        'azure.servicebus.disposition_status': 'dead_letter',
        'error.type': code,
      });
      expect(span.status).toMatchObject({ code: ERROR });
      expect(span.events).toEqual([
        { name: 'exception', attributes: expect.objectContaining({ 'exception.type': code }) },
      ]);
    }
    expect(spansNamed('ServiceBusReceiver.deadLetter')).toHaveLength(3);
    const broken = events.find((span) => span.attributes['messaging.message.id'] === 'broken')!;
    expect(idsOf(broken)).toEqual({});
    expect(otlp.spans.filter(({ traceId }) => traceId === broken.traceId)).toHaveLength(2);
  });
});

test('a round for several events bears the first one’s ids and links to all, and each is settled under its own', async () => {
  const { stack, otlp, sender, show, settled, end, spansNamed } = await observe();
  const talk = conversation(1, { title: 'Named' });
  const turns = ['a', 'b', 'c'];
  const all = { ...talk.snapshot, messages: turns.flatMap((id, index) => turn(id, index)) };
  await show(all);
  // The first one's read of Redis takes long; the others gather behind it, and are the next round.
  stack.redis.setFaults({ latencyMs: 1_000 });
  const senders = [];
  for (const id of turns) {
    const trace = sendersTrace();
    senders.push({ id, ...trace });
    await sender.sendMessages({
      body: eventOf(talk, id),
      applicationProperties: { traceparent: trace.traceparent },
    });
  }
  await settled(3);
  await end();

  const round = spansNamed('persist conversation').find(
    ({ attributes }) => attributes['app.round.events'] !== 1,
  )!;
  const events = spansNamed('process message-completed');
  expect(events).toHaveLength(3);
  const links = round.links!.map(({ spanId }) => spanId);
  expect(links).toHaveLength(Number(round.attributes['app.round.events']));
  expect(events.filter(({ spanId }) => links.includes(spanId))).toHaveLength(links.length);
  expect(events.find(({ spanId }) => spanId === round.parentSpanId)).toMatchObject({
    traceId: round.traceId,
    attributes: { 'app.chat_message_id': round.attributes['app.chat_message_id'] },
  });
  for (const { id, traceId } of senders) {
    const own = otlp.spans.filter((span) => span.traceId === traceId);
    expect(own.filter(({ name }) => name === 'ServicebusReceiver.complete')).toHaveLength(1);
    for (const span of own) expect(idsOf(span).chatMessageId, span.name).toBe(id);
  }
});

test('a call that fails is an exception under its code, told once, with how often it was tried', async () => {
  const { stack, show, announce, settled, end, spansNamed } = await observe();
  const { snapshot, event } = conversation(2);
  stack.cosmos.setFaults({ status: { code: 429, retryAfterMs: 50, operations: ['create'], count: 2 } });
  await show(snapshot);
  await announce(event);
  await settled(1);
  await end();
  const failed = spansNamed(/mydocuments/).filter(({ status }) => status?.code === ERROR);
  expect(failed).toHaveLength(2);
  for (const span of failed) {
    expect(span.attributes).toMatchObject({
      'error.type': 'StoreThrottled',
      'db.response.status_code': '429',
    });
    expect(span.events).toMatchObject([
      {
        name: 'exception',
        attributes: { 'exception.type': 'StoreThrottled', 'app.session_id': event.sessionId },
      },
    ]);
  }
  const rounds = spansNamed('persist conversation').filter(({ status }) => status?.code === ERROR);
  expect(rounds.length).toBe(failed.length);
  for (const round of rounds) {
    expect(round.attributes['error.type']).toBe('StoreThrottled');
    expect(round.events).toBeUndefined();
  }
});

test('a token is everybody’s: who asks for it first does not have the request among its spans', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'traces-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { stack, otlp, show, sender, settled, end, spansNamed } = await observe(
    {},
    { entra: { certificateFile: join(folder, 'ca.pem') } },
  );
  const asked = () =>
    Object.keys(stack.entra!.counters().tokens).filter((audience) => /cognitive/.test(audience));
  expect(asked()).toHaveLength(0);
  const { snapshot, event } = conversation(1);
  const { traceId, traceparent } = sendersTrace();
  await show(snapshot);
  await sender.sendMessages({ body: event, applicationProperties: { traceparent } });
  await settled(1);
  await end();
  expect(asked()).toHaveLength(1);
  const own = otlp.spans.filter((span) => span.traceId === traceId);
  expect(own.map(({ name }) => name)).toContain('chat gpt-4');
  expect(own.filter(({ name, scope }) => /getToken|HTTP/.test(name) || /identity/.test(scope))).toEqual([]);
  // One for each of the four services, and none of them is anybody's.
  const requests = spansNamed('ManagedIdentityCredential.getToken');
  expect(requests).toHaveLength(4);
  for (const span of requests) expect(idsOf(span)).toEqual({});
});

test('the standard variables hold: a sampler, attributes of the resource, instrumentations that are off', async () => {
  const off = await observe({ OTEL_TRACES_SAMPLER: 'always_off' });
  const work = async ({ show, announce, settled, end }: typeof off) => {
    const { snapshot, event } = conversation(1);
    await show(snapshot);
    await announce(event);
    await settled(1);
    await end();
  };
  await work(off);
  expect(off.otlp.spans).toEqual([]);
  expect(off.otlp.records.length).toBeGreaterThan(0);
  const some = await observe({
    OTEL_SERVICE_NAME: 'another-name',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'redis, undici',
  });
  await work(some);
  expect(some.otlp.spans.filter(({ scope }) => /redis|undici/.test(scope))).toEqual([]);
  expect(some.spansNamed('ServicebusReceiver.complete')).toHaveLength(1);
  expect(some.otlp.spans[0]!.resource).toMatchObject({
    'service.name': 'another-name',
    'deployment.environment.name': 'test',
    'service.instance.id': expect.any(String),
  });
});
