import { expect, test } from 'vitest';
import { receiveOtlp } from './otlp-receiver.ts';
import { conversation, setTheScene } from './setting.ts';
import { sendersTrace } from './telemetry-setting.ts';
import { type Envelope, receiveTrack } from './track-receiver.ts';
import { startWorkerProcess } from './worker-process.ts';

const EVENTS = 40;

/** Two score of events, one of which is a dead letter, by a worker that tells Azure Monitor, and others if told to. */
async function workAndTell(environment: Record<string, string> = {}) {
  const track = await receiveTrack();
  const { stack, show, sender } = await setTheScene();
  const worker = startWorkerProcess({ ...stack.environment, ...track.environment, ...environment });
  await expect.poll(() => worker.said('receiving')).toBe(true);
  const talks = Array.from({ length: EVENTS }, (_, index) => ({
    ...conversation(1, index === 0 ? { userId: 'somebody else' } : {}),
    ...sendersTrace(),
  }));
  const [foreign] = talks;
  foreign!.event.userId = 'user_001';
  for (const { snapshot, event, traceparent } of talks) {
    await show(snapshot);
    await sender.sendMessages({ body: event, applicationProperties: { 'Diagnostic-Id': traceparent } });
  }
  await expect
    .poll(() => worker.lines.filter(({ msg }) => msg === 'event completed').length)
    .toBe(EVENTS - 1);
  await expect.poll(() => worker.said('event dead-lettered')).toBe(true);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(worker.errors()).toBe('');
  expect(worker.lines.filter(({ code }) => code === 'TelemetryFailed')).toEqual([]);
  return { track, talks, foreign: foreign!, worker };
}

const idsIn = ({ data }: Envelope) => {
  const { properties = {} } = data.baseData;
  return [properties['app.user_id'], properties['app.session_id'], properties['app.chat_message_id']];
};

test('Azure Monitor gets every event as a request with its name, every call as a dependency, failures and lines, all with the ids', async () => {
  const { track, talks, foreign } = await workAndTell();
  const requests = track.of('RequestData');
  const dependencies = track.of('RemoteDependencyData');
  // Nothing is sampled away, though the distribution would keep five traces a second.
  expect(requests).toHaveLength(EVENTS);
  expect(new Set(track.envelopes.map(({ sampleRate }) => sampleRate))).toEqual(new Set([100]));
  for (const { traceId, spanId, event } of talks) {
    const ids = [event.userId, event.sessionId, event.chatMessageId];
    const own = track.envelopes.filter(({ tags }) => tags['ai.operation.id'] === traceId);
    const request = own.find(({ data }) => data.baseType === 'RequestData')!;
    expect(request.tags).toMatchObject({
      'ai.operation.name': 'process message-completed',
      'ai.operation.parentId': spanId,
      'ai.cloud.role': 'history-worker',
    });
    expect(request.data.baseData).toMatchObject({
      name: 'process message-completed',
      success: event !== foreign.event,
    });
    for (const envelope of own) expect(idsIn(envelope), envelope.name).toEqual(ids);
    const kinds = new Set(own.map(({ data }) => data.baseType));
    expect([...kinds].sort()).toEqual(
      event === foreign.event
        ? ['ExceptionData', 'MessageData', 'RemoteDependencyData', 'RequestData']
        : ['MessageData', 'RemoteDependencyData', 'RequestData'],
    );
  }
  const named = (name: string) => dependencies.filter(({ data }) => data.baseData.name === name);
  expect(named('create_item mydocuments')[0]!.data.baseData).toMatchObject({
    type: 'azure.cosmosdb',
    success: true,
    properties: { 'azure.cosmosdb.operation.request_charge': expect.stringMatching(/^\d/) },
  });
  expect(named('chat gpt-4')).toHaveLength(EVENTS - 1);
  expect(named('chat gpt-4')[0]!.data.baseData.properties).toMatchObject({
    'gen_ai.usage.input_tokens': expect.stringMatching(/^\d+$/),
  });
  // That there is no such item yet is no failed dependency.
  expect(dependencies.filter(({ data }) => data.baseData.success !== true)).toEqual([]);
  expect(track.of('ExceptionData').map(({ data }) => data.baseData.exceptions)).toMatchObject([
    [{ typeName: 'IdentityMismatch' }],
  ]);
  // Neither the exporter's own requests nor the search for a virtual machine.
  const targets = dependencies.map(({ data }) => `${data.baseData.name} ${data.baseData.target}`);
  expect(targets.filter((target) => /track|169\.254|QuickPulse/.test(target))).toEqual([]);
  expect([...track.paths]).toEqual(['/v2.1/track']);
}, 90_000);

test('Azure Monitor and OTLP get the same spans and lines at once', async () => {
  const otlp = await receiveOtlp();
  const { track, talks } = await workAndTell({ OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url });
  for (const { traceId } of talks) {
    const spans = otlp.spans.filter((span) => span.traceId === traceId).map(({ name }) => name);
    const items = track.envelopes.filter(({ tags }) => tags['ai.operation.id'] === traceId);
    const ofSpans = items.filter(({ data }) => /^(RequestData|RemoteDependencyData)$/.test(data.baseType));
    expect(spans.length).toBeGreaterThan(3);
    expect(ofSpans).toHaveLength(spans.length);
    const lines = otlp.records.filter((record) => record.traceId === traceId);
    expect(items.filter(({ data }) => data.baseType === 'MessageData')).toHaveLength(lines.length);
    expect(lines.length).toBeGreaterThan(0);
  }
}, 90_000);

test('live metrics are asked for by a variable', async () => {
  const track = await receiveTrack();
  const { stack } = await setTheScene();
  const worker = startWorkerProcess({
    ...stack.environment,
    ...track.environment,
    APPLICATIONINSIGHTS_LIVE_METRICS: 'true',
  });
  await expect.poll(() => track.paths).toContain('/QuickPulseService.svc/ping');
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(worker.errors()).toBe('');
});
