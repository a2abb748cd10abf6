import { createAzureSdkInstrumentation } from '@azure/opentelemetry-instrumentation-azure-sdk';
import { trace } from '@opentelemetry/api';
import { type Instrumentation, registerInstrumentations } from '@opentelemetry/instrumentation';
import { RedisInstrumentation } from '@opentelemetry/instrumentation-redis';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { withoutPings } from './without-pings.ts';

/**
 * Has the clients make their spans: settlements and lock renewals (Azure's SDK), commands of Redis, and the attempts at a title
 * (undici). To be called before any of those modules is imported. Call what it answers once the providers are there.
 *
 * Cosmos DB is reached over Node's own http, whose instrumentation is left out: its span would say again what that of the call
 * says, a dependency more to pay for in every reader's account, and failed wherever a conversation is new (404). With it an event
 * took a tenth more CPU, and it is the only one that needs hooks in the loading of modules.
 */
export function instrument(): () => void {
  const instrumentations = makeInstrumentations();
  registerInstrumentations({ instrumentations });
  return () => {
    // The tracers that they got before are those of nobody where Azure Monitor has replaced everything. They get no meters: every
    // call is measured by ours.
    const provider = withoutPings(trace.getTracerProvider());
    for (const instrumentation of instrumentations) instrumentation.setTracerProvider(provider);
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
        // A command of no event, as a gate's probe, is nobody's.
        requireParentSpan: true,
        dbStatementSerializer: statementOf,
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
