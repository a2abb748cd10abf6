import { expect, test } from 'vitest';
import { secretsShown, sparingly } from './diagnostics.ts';

test('an exporter that complains with every batch is heard once a minute, with how often it was not', () => {
  const lines: Record<string, unknown>[] = [];
  const nothing = (): void => undefined;
  const log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (fields: object) => void lines.push({ ...fields }),
  };
  let nowMs = 0;
  const logger = sparingly(log, [], () => nowMs);
  for (let batch = 0; batch < 25; batch += 1) {
    logger.error(JSON.stringify({ stack: 'Error\n  at x', message: 'connect ECONNREFUSED' }), { batch });
    nowMs += 5_000;
  }
  expect(lines).toEqual([
    { code: 'TelemetryFailed', reason: 'connect ECONNREFUSED {"batch":0}', unsaid: 0 },
    { code: 'TelemetryFailed', reason: 'connect ECONNREFUSED {"batch":12}', unsaid: 11 },
    { code: 'TelemetryFailed', reason: 'connect ECONNREFUSED {"batch":24}', unsaid: 11 },
  ]);
});

test('a complaint of any length is a line of a few hundred characters', () => {
  const reasons: string[] = [];
  const nothing = (): void => undefined;
  const log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: ({ reason }: Record<string, unknown>) => void reasons.push(String(reason)),
  };
  sparingly(log).error('x'.repeat(100_000));
  expect(reasons[0]).toHaveLength(300);
});

test('what a receiver was shown and quotes is left out', () => {
  const reasons: string[] = [];
  const nothing = (): void => undefined;
  const log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: ({ reason }: Record<string, unknown>) => void reasons.push(String(reason)),
  };
  const secrets = secretsShown('InstrumentationKey=0ca4a0ca-0000;IngestionEndpoint=https://x', {
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=c2VjcmV0a2V5,x=y',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=Bearer%20abcdef',
  });
  sparingly(log, secrets).error('no c2VjcmV0a2V5, no Bearer abcdef, no 0ca4a0ca-0000, says y');
  expect(reasons).toEqual(['no …, no …, no …, says y']);
});
