import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { receiveOtlp } from './otlp-receiver.ts';
import { startWorkerProcess } from './worker-process.ts';

test('dev says in one line where to look, and there each event is a trace from the front end’s send on', async () => {
  const otlp = await receiveOtlp();
  const folder = mkdtempSync(join(tmpdir(), 'dev-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const run = ['dev', '--once', '--json', '--conversations', '4', '--turns', '1', '--data', folder];
  const dev = startWorkerProcess({ OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url }, run);
  expect(await dev.exited).toBe(0);
  expect(dev.errors().match(/^Telemetry: .*$/gm)).toEqual([expect.stringContaining(`traces at ${otlp.url}`)]);
  const events = otlp.spans.filter(({ name }) => name === 'process message-completed');
  expect(events).toHaveLength(4);
  for (const event of events) {
    const sent = otlp.spans.find(({ spanId }) => spanId === event.parentSpanId);
    expect(sent).toMatchObject({ name: 'message', traceId: event.traceId });
    expect(event.attributes['app.session_id']).toMatch(/^sess_/);
  }
});
