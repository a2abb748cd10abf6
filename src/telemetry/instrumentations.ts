import type { ClientRequest, RequestOptions } from 'node:http';
import { createAzureSdkInstrumentation } from '@azure/opentelemetry-instrumentation-azure-sdk';
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

/**
 * Has the clients make their spans: settlements and lock renewals (Azure's SDK), commands of Redis, and HTTP requests below
 * another span. To be called before any of those modules is imported.
 */
export function instrument(): void {
  // One span a request: Azure's own clients (identity) make one, and HTTP's below it would say the same again.
  process.env.AZURE_HTTP_TRACING_CHILDREN_DISABLED ??= 'true';
  register({ include: INSTRUMENTED });
  registerInstrumentations({ instrumentations: instrumentations() });
}

/** Those that OTEL_NODE_DISABLED_INSTRUMENTATIONS does not name. */
function instrumentations(): Instrumentation[] {
  const disabled = (process.env.OTEL_NODE_DISABLED_INSTRUMENTATIONS ?? '')
    .split(',')
    .map((name) => name.trim());
  const all: Record<string, () => Instrumentation> = {
    'azure-sdk': createAzureSdkInstrumentation,
    redis: () =>
      new RedisInstrumentation({
        // The client's own pings are nobody's.
        requireParentSpan: true,
        dbStatementSerializer: (command, args) => statementOf(command, args),
      }),
    // The worker serves nobody but who asks for its health.
    http: () =>
      new HttpInstrumentation({
        disableIncomingRequestInstrumentation: true,
        requireParentforOutgoingSpans: true,
        ignoreOutgoingRequestHook: isNobodys,
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
function isNobodys(request: RequestOptions | ClientRequest): boolean {
  const { headers, hostname, host } = request as RequestOptions;
  const agent = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'user-agent')?.[1];
  return hostname === IMDS || host === IMDS || /azsdk-js-monitor-opentelemetry/.test(String(agent));
}
