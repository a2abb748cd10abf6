import { expect, test } from 'vitest';
import { readTelemetryConfig } from '../config.ts';
import { whereToLook } from './telemetry.ts';

const where = (environment: Record<string, string>): string =>
  whereToLook(readTelemetryConfig(environment).telemetry, environment);

test('one line says where to look, and shows no key', () => {
  expect(
    where({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318/', OTEL_METRICS_EXPORTER: 'none' }),
  ).toBe(
    'Telemetry: traces at http://localhost:4318, logs at http://localhost:4318. An event is a trace; find it by app.session_id.',
  );
  const both = where({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://otlp.example/v1/traces?key=hunter2',
    APPLICATIONINSIGHTS_CONNECTION_STRING:
      'InstrumentationKey=hunter2;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/',
  });
  expect(both).toContain('traces at https://otlp.example, Azure Monitor (https://westeurope-5.in.');
  expect(both).not.toContain('hunter2');
});
