import { ClientRequest, type RequestOptions } from 'node:http';
import { createAzureSdkInstrumentation } from '@azure/opentelemetry-instrumentation-azure-sdk';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { type Instrumentation, registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { RedisInstrumentation } from '@opentelemetry/instrumentation-redis';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { register } from 'import-in-the-middle/register-hooks.mjs';

/** The modules that the instrumentations below change. Every other one is loaded as if there were no hook. */
const INSTRUMENTED = [
  'http',
  'https',
  'node:http',
  'node:https',
  'redis',
  '@redis/client',
  '@azure/core-tracing',
];

/** Where a virtual machine on Azure is told about itself: the identity library tries whether there is somebody. */
const IMDS = '169.254.169.254';

/** Answers of Cosmos DB that are no failure: there is no such item, or somebody else was faster. */
const EXPECTED = [404, 409, 412];

/**
 * Has the clients make their spans: settlements and lock renewals (Azure's SDK), commands of Redis, and HTTP requests below
 * another span. To be called before any of those modules is imported. Call what it answers once the providers are there.
 */
export function instrument(): () => void {
  // One span a request: Azure's own clients (identity) make one, and HTTP's below it would say the same again.
  process.env.AZURE_HTTP_TRACING_CHILDREN_DISABLED ??= 'true';
  register({ include: INSTRUMENTED });
  const instrumentations = makeInstrumentations();
  registerInstrumentations({ instrumentations });
  return () => {
    // The tracers that they got before are those of nobody where Azure Monitor has replaced everything. They get no meters: those
    // of HTTP and undici bear the same names, and every call is measured by ours.
    for (const instrumentation of instrumentations)
      instrumentation.setTracerProvider(trace.getTracerProvider());
  };
}

/** Those that OTEL_NODE_DISABLED_INSTRUMENTATIONS does not name. */
function makeInstrumentations(): Instrumentation[] {
  const disabled = (process.env.OTEL_NODE_DISABLED_INSTRUMENTATIONS ?? '')
    .split(',')
    .map((name) => name.trim());
  const all: Record<string, () => Instrumentation> = {
    'azure-sdk': createAzureSdkInstrumentation,
    redis: () =>
      new RedisInstrumentation({
        // The client's own pings are nobody's.
        requireParentSpan: true,
        dbStatementSerializer: statementOf,
      }),
    http: () =>
      new HttpInstrumentation({
        // The worker serves nobody but who asks for its health.
        disableIncomingRequestInstrumentation: true,
        requireParentforOutgoingSpans: true,
        ignoreOutgoingRequestHook: isNobodys,
        applyCustomAttributesOnSpan(span, request, response) {
          const isOfCosmos = request instanceof ClientRequest && request.path.startsWith('/dbs/');
          if (isOfCosmos && EXPECTED.includes(response.statusCode ?? 0))
            span.setStatus({ code: SpanStatusCode.OK });
        },
      }),
    undici: () => new UndiciInstrumentation({ requireParentforSpans: true }),
  };
  return Object.entries(all).flatMap(([name, make]) => (disabled.includes(name) ? [] : [make()]));
}

/** The key that is read. Of other commands, as AUTH, nothing is told but their name. */
const statementOf = (command: unknown, args: readonly unknown[]): string =>
  /^(GET|GETRANGE|STRLEN)$/i.test(String(command))
    ? `${String(command)} ${String(args[0])}`
    : String(command);

/** Requests of Azure Monitor's exporter, which name themselves, and those to IMDS. */
function isNobodys({ headers, hostname, host }: RequestOptions): boolean {
  const agent = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'user-agent')?.[1];
  return hostname === IMDS || host === IMDS || /azsdk-js-monitor-opentelemetry/.test(String(agent));
}
