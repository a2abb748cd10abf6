import { SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { expect, test } from 'vitest';
import { ClientSpanProcessor } from './client-spans.ts';
import { APP_NAME } from './names.ts';

/** What is exported of a span that a client of this name ends after an error. */
function failed(scope: string) {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new ClientSpanProcessor(), new SimpleSpanProcessor(exporter)];
  const span = new NodeTracerProvider({ spanProcessors }).getTracer(scope).startSpan('call');
  const error = Object.assign(new TypeError('refused: eyJ.a.token'), { code: 'Unauthorized' });
  span.addEvent('retry', { attempt: 2 });
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  span.end();
  return exporter.getFinishedSpans()[0]!;
}

test("of a client's error its kind and its place are told, and not its words", () => {
  const { status, events } = failed('@azure/identity');
  expect(JSON.stringify([status, events])).not.toContain('token');
  expect(status).toEqual({ code: SpanStatusCode.ERROR });
  expect(events[0]).toMatchObject({ name: 'retry', attributes: { attempt: 2 } });
  expect(events[1]).toMatchObject({
    name: 'exception',
    attributes: {
      'exception.type': 'Unauthorized',
      'exception.message': 'Unauthorized',
      'exception.stacktrace': expect.stringMatching(/^\s+at .*client-spans\.test/),
    },
  });
});

test('our own are left as they are: what they say is chosen', () => {
  expect(failed(APP_NAME).status.message).toBe('refused: eyJ.a.token');
});
