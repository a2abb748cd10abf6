import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { afterEach, expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { parseEvent } from '../history/event.ts';
import { Failure } from '../pipeline/failures.ts';
import type { HeldEvent } from '../pipeline/ports.ts';
import { AppAttributesSpanProcessor, withIdsOf } from './app-attributes.ts';
import { makeTraces } from './traces.ts';

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({
  spanProcessors: [new AppAttributesSpanProcessor(), new SimpleSpanProcessor(exporter)],
}).register();
afterEach(() => exporter.reset());
const tracer = trace.getTracer('anybody');
const spanNamed = (name: string) => exporter.getFinishedSpans().find((span) => span.name === name)!;

const watch = makeTraces(
  readConfig({
    SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: 'x',
    COSMOS_ENDPOINT: 'https://x',
    COSMOS_DATABASE_NAME: 'x',
    COSMOS_CONTAINER_NAME: 'x',
    REDIS_HOST: 'x',
    AZURE_AI_CHAT_ENDPOINT: 'https://x/openai/deployments/x',
  }),
);

function receive(chatMessageId: string, traceparent?: string) {
  const held: HeldEvent = {
    body: {
      sessionId: `session of ${chatMessageId.slice(0, 9)}`,
      userId: 'u',
      chatMessageId,
      completedAt: '2026-01-01T00:00:00Z',
      eventType: 'message_completed',
    },
    messageId: 'm',
    enqueuedAtMs: undefined,
    lock: { lockedUntilMs: 0, renew: async () => 0 },
    deliveryCount: 0,
    traceparent,
    settle: async () => undefined,
  };
  const parsed = parseEvent(held.body);
  if (!parsed.ok) throw new Error(parsed.description);
  return { watched: watch.received(held, parsed.event), event: parsed.event };
}

test('a span bears the ids of the context that it is started in, not of the one that happens to be active', async () => {
  const [a, b] = [receive('a'), receive('b')];
  await a.watched.run('settle', async () => {
    tracer.startSpan('in the active one').end();
    tracer.startSpan('in another one', {}, withIdsOf(ROOT_CONTEXT, b.event)).end();
    tracer.startSpan('in none', {}, ROOT_CONTEXT).end();
  });
  const idOf = (name: string) => spanNamed(name).attributes['app.chat_message_id'];
  expect(idOf('in the active one')).toBe('a');
  expect(idOf('in another one')).toBe('b');
  expect(idOf('in none')).toBeUndefined();
  expect(spanNamed('in none').attributes).toEqual({ 'app.name': 'history-worker' });
});

test('ids of any length are cut, and a trace that is none is none', () => {
  const { watched } = receive('x'.repeat(200_000), `00-${'0'.repeat(100_000)}`);
  watched.ended({ kind: 'complete' });
  const span = spanNamed('process message-completed');
  expect(span.attributes['app.chat_message_id']).toHaveLength(1_024);
  expect(span.parentSpanContext).toBeUndefined();
});

test('a lock that events share is renewed under the first one’s ids, with links to all of them', async () => {
  const events = ['a', 'b', 'c'].map((turn) => receive(turn));
  const [first, ...others] = events.map(({ watched }) => watched);
  await first!.run('renew', async () => tracer.startSpan('the client’s').end(), others);
  for (const { watched } of events) watched.ended({ kind: 'complete' });
  const all = exporter.getFinishedSpans().filter(({ name }) => name.startsWith('process'));
  const renewal = spanNamed('renew session lock');
  expect(renewal.attributes['app.chat_message_id']).toBe('a');
  expect(renewal.links.map((link) => link.context.spanId)).toEqual(
    all.map((span) => span.spanContext().spanId),
  );
  expect(spanNamed('the client’s').parentSpanContext?.spanId).toBe(renewal.spanContext().spanId);
});

test('an error that is no Failure is told by its name and place alone: its message may quote a conversation', async () => {
  const { watched } = receive('a');
  const failing = watch.round([watched], async () => JSON.parse('{"content": the words of a conversation'));
  await expect(failing).rejects.toThrow('the words');
  const { status, events } = spanNamed('persist conversation');
  expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'SyntaxError' });
  expect(events).toHaveLength(1);
  expect(events[0]!.attributes).toMatchObject({
    'exception.type': 'SyntaxError',
    'exception.stacktrace': expect.stringMatching(/^\s+at /),
    'app.chat_message_id': 'a',
  });
  expect(JSON.stringify(events)).not.toContain('the words');
});

test('what a call throws is handed on as it is, and told in one span only', async () => {
  const { watched } = receive('a');
  const failure = new Failure('StoreUnavailable', 'a read failed');
  const failing = watch.round([watched], () =>
    watch.call('cosmos', 'read', async (note) => {
      note({ status: 503, retries: 2 });
      throw failure;
    }),
  );
  await expect(failing).rejects.toBe(failure);
  const read = spanNamed('read_item x');
  expect(read.attributes).toMatchObject({
    'error.type': 'StoreUnavailable',
    'db.response.status_code': '503',
    'app.call.retries': 2,
  });
  expect(read.events.map(({ attributes }) => attributes?.['exception.type'])).toEqual(['StoreUnavailable']);
  const round = spanNamed('persist conversation');
  expect(round.attributes['error.type']).toBe('StoreUnavailable');
  expect(round.events).toEqual([]);
  expect(context.active()).toBe(ROOT_CONTEXT);
});

test('a receive is not traced, nor what the client does in it', async () => {
  await watch.call('service-bus', 'receive', async () =>
    tracer.startSpan('BatchingReceiverLite.process').end(),
  );
  expect(exporter.getFinishedSpans()).toEqual([]);
});

test('a probe is nobody’s, also where the work for an event raised the doubt', async () => {
  const { watched } = receive('a');
  await watched.run('settle', () => watch.call('redis', 'probe', async () => undefined));
  const probe = spanNamed('probe redis');
  expect(probe.attributes).toEqual({ 'app.name': 'history-worker' });
  expect(probe.parentSpanContext).toBeUndefined();
});
