import { describe, expect, test } from 'vitest';
import { receiveOtlp } from './otlp-receiver.ts';
import { conversation, eventOf, setTheScene, turn } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

async function working(environment: Record<string, string> = {}) {
  const scene = await setTheScene();
  const worker = startWorkerProcess({ ...scene.stack.environment, ...environment });
  await expect.poll(() => worker.said('receiving')).toBe(true);
  return { ...scene, worker };
}

const tell = async () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: (await receiveOtlp()).url });

describe.each([
  ['without telemetry', async () => ({})],
  ['with telemetry', tell],
])('the lines of a run %s', (_, environment) => {
  test('are JSON, at most one an event at INFO, and each that belongs to an event names it', async () => {
    const given: Record<string, string> = await environment();
    const { stack, show, announce, worker } = await working({ TURN_WAIT_SECONDS: '0', ...given });
    const talks = Array.from({ length: 5 }, () => conversation(1));
    const long = conversation(1, { title: 'Named' });
    await show({ ...long.snapshot, messages: ['a', 'b', 'c'].flatMap((id, index) => turn(id, index)) });
    for (const { snapshot } of talks) await show(snapshot);
    const missing = conversation(1);
    stack.chat.setFaults({ status: { code: 400, count: 1, body: {} } });
    stack.cosmos.setFaults({ status: { code: 429, retryAfterMs: 1, operations: ['patch'], count: 2 } });
    for (const id of ['a', 'b', 'c']) await announce(eventOf(long, id), id);
    for (const { event, chatMessageId } of [...talks, missing]) await announce(event, chatMessageId);
    await announce({ ...missing.event, userId: 7 }, 'broken');
    const about = (message: string) => worker.lines.filter(({ msg }) => msg === message);
    await expect.poll(() => about('event completed').length).toBe(8);
    await expect.poll(() => about('event dead-lettered').length).toBe(2);
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);

    const turns = ['a', 'b', 'c', ...[...talks, missing].map(({ chatMessageId }) => chatMessageId)];
    for (const id of turns) {
      const lines = worker.lines.filter((line) => line.messageId === id);
      expect(lines.filter(({ level }) => level === 'INFO').length, id).toBeLessThanOrEqual(1);
      for (const line of lines) {
        expect(line['app.chat_message_id'], line.msg).toBe(id);
        expect(line['app.session_id']).toMatch(/^sess_/);
        expect(line['app.user_id']).toBe('user_001');
      }
      const traces = new Set(lines.map((line) => line.trace_id));
      expect(traces.size).toBe(1);
      expect([...traces][0] !== undefined).toBe('OTEL_EXPORTER_OTLP_ENDPOINT' in given);
    }
    // Those of a conversation rather than an event name the conversation.
    const [untitled] = about('no title');
    expect(untitled).toMatchObject({ level: 'WARNING', code: 'TitleUnavailable', 'app.user_id': 'user_001' });
    expect(about('the title was not stored, to be tried again')[0]).toMatchObject({
      code: 'StoreThrottled',
      'app.session_id': expect.stringMatching(/^sess_/),
    });
    const deadLettered = Object.fromEntries(
      about('event dead-lettered').map((line) => [line.messageId, line]),
    );
    expect(deadLettered[missing.chatMessageId]).toMatchObject({
      level: 'WARNING',
      code: 'ConversationNotFound',
    });
    // What is no event is found by what it says all the same.
    expect(deadLettered.broken).toMatchObject({
      code: 'InvalidEvent',
      'app.session_id': missing.event.sessionId,
      'app.chat_message_id': missing.chatMessageId,
    });
    expect(deadLettered.broken).not.toHaveProperty('app.user_id');
    expect(worker.errors()).toBe('');
  });
});

const ofExports =
  /exporter-(trace|metrics|logs)|monitor-opentelemetry|sdk-(trace|logs)|instrumentation|in-the-middle/;

test('what is not configured is not even imported', async () => {
  const preload = { NODE_OPTIONS: '--import ./test/telling-imports.ts' };
  const loaded = async (environment: Record<string, string>) => {
    const { worker } = await working({ ...preload, ...environment });
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    const names = worker.errors().match(/(?<=^loads ).+$/gm)!;
    expect(names).toContain('@azure/service-bus');
    return names.filter((name) => ofExports.test(name));
  };
  expect(await loaded({})).toEqual([]);
  const { OTEL_EXPORTER_OTLP_ENDPOINT: url } = await tell();
  expect(await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: 'true' })).toEqual([]);
  const onlyTraces = await loaded({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces` });
  expect(onlyTraces).toContain('@opentelemetry/exporter-trace-otlp-proto');
  expect(onlyTraces.filter((name) => /exporter-(metrics|logs)|azure\/monitor|grpc/.test(name))).toEqual([]);
  const noTraces = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_EXPORTER: 'none' });
  expect(noTraces).toContain('@opentelemetry/exporter-logs-otlp-proto');
  expect(noTraces).not.toContain('@opentelemetry/exporter-trace-otlp-proto');
}, 60_000);
