import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import type { Config } from '../config.ts';
import { failures } from '../pipeline/failures.ts';
import type { HeldEvent } from '../pipeline/ports.ts';
import type { EventOutcome, EventWatch, Watch } from '../pipeline/watch.ts';
import { withIdsOf } from './app-attributes.ts';
import { makeCallSpans } from './call-spans.ts';
import { AI_OPERATION_NAME, APP_NAME, attribute, event as eventNames, round, value } from './names.ts';
import { withinSpan } from './within-span.ts';

/** An event's own context: its ids, and its span as the parent of whatever is done for it. */
type Traced = EventWatch & { context: Context };

/**
 * Makes the spans that no client makes, and puts the others below them:
 *
 * - an event is one span from receipt to settlement, in the sender's trace. The client would make one of its own for each
 *   receive, also for those that bring nothing, so receives are not traced;
 * - a round is one span below the first of its events, with links to all of them where there are several;
 * - a call to Cosmos DB or the title model is a span of ours: their clients make none. Below that of the model each attempt is
 *   a span of undici's instrumentation;
 * - a command to Redis, a settlement and a lock renewal are spans of their clients' instrumentations;
 * - a probe is a span by itself, in a trace of its own.
 */
export function makeTraces(config: Config): Watch {
  const tracer = trace.getTracer(APP_NAME);
  const calls = makeCallSpans(tracer, config);
  const { topic, subscription } = config.serviceBus;
  const name = `process ${topic}`;
  const common: Attributes = {
    [attribute.MESSAGING_SYSTEM]: value.MESSAGING_SYSTEM_VALUE_SERVICEBUS,
    [attribute.MESSAGING_SYSTEM_NAME]: value.MESSAGING_SYSTEM_VALUE_SERVICEBUS,
    [attribute.MESSAGING_OPERATION_NAME]: 'process',
    [attribute.MESSAGING_OPERATION_TYPE]: value.MESSAGING_OPERATION_TYPE_VALUE_PROCESS,
    [attribute.MESSAGING_DESTINATION_NAME]: topic,
    [attribute.MESSAGING_DESTINATION_SUBSCRIPTION_NAME]: subscription,
    [AI_OPERATION_NAME]: name,
  };

  function receivedSpan(held: HeldEvent, completedAtMs: number | undefined, parent: Context): Span {
    return tracer.startSpan(
      name,
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          ...common,
          // It tells which delivery this is: 1 is the first.
          [attribute.AZURE_SERVICEBUS_MESSAGE_DELIVERY_COUNT]: held.deliveryCount + 1,
          ...(held.messageId === undefined ? {} : { [attribute.MESSAGING_MESSAGE_ID]: held.messageId }),
          ...(held.enqueuedAtMs === undefined
            ? {}
            : {
                [attribute.AZURE_SERVICEBUS_MESSAGE_ENQUEUED_TIME]: Math.floor(held.enqueuedAtMs / 1000),
              }),
          ...(completedAtMs === undefined
            ? {}
            : { [eventNames.ageAtReceiptMs]: Math.round(Date.now() - completedAtMs) }),
        },
      },
      parent,
    );
  }

  /** Work for several events: the first one's, with links to all. */
  function shared<T>(
    spanName: string,
    events: readonly EventWatch[],
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const [first] = events as Traced[];
    const links = (events as Traced[]).map((event) => ({
      context: trace.getSpanContext(event.context)!,
    }));
    const span = tracer.startSpan(spanName, links.length > 1 ? { links } : {}, first!.context);
    return withinSpan(span, first!.context, () => work(span));
  }

  return {
    received(held, event): Traced {
      const { completedAtMs } = event;
      const receivedAtMs = Date.now();
      const sender = held.traceparent
        ? propagation.extract(ROOT_CONTEXT, { traceparent: held.traceparent })
        : ROOT_CONTEXT;
      const parent = withIdsOf(sender, event);
      const span = receivedSpan(held, completedAtMs, parent);
      const own = trace.setSpan(parent, span);
      const self: Traced = {
        context: own,
        run: (_step, work, others = []) =>
          others.length === 0
            ? context.with(own, work)
            : shared('renew session lock', [self, ...others], work),
        say: (line) => context.with(own, line),
        durable() {
          const now = Date.now();
          span.setAttribute(eventNames.durableAfterMs, now - receivedAtMs);
          if (completedAtMs !== undefined)
            span.setAttribute(eventNames.completedToDurableMs, Math.round(now - completedAtMs));
        },
        ended(outcome) {
          conclude(span, outcome);
          span.end();
        },
      };
      return self;
    },
    round: (events, work) =>
      shared('persist conversation', events, (span) => {
        span.setAttribute(round.events, events.length);
        return work((facts) => {
          for (const [fact, known] of Object.entries(facts))
            span.setAttribute(round[fact as keyof typeof facts], known);
        });
      }),
    call(service, operation, work) {
      if (operation === 'probe') return context.with(ROOT_CONTEXT, () => calls.probe(service, work));
      if (operation === 'receive') return context.with(UNTRACED, () => work(() => undefined));
      if (service === 'cosmos') return calls.cosmos(operation, work);
      if (service === 'titles') return calls.title(work);
      return work(() => undefined);
    },
    titled: () => undefined,
  };
}

const UNTRACED = suppressTracing(ROOT_CONTEXT);

const dispositions = {
  complete: value.AZURE_SERVICEBUS_DISPOSITION_STATUS_VALUE_COMPLETE,
  abandon: value.AZURE_SERVICEBUS_DISPOSITION_STATUS_VALUE_ABANDON,
  'dead-letter': value.AZURE_SERVICEBUS_DISPOSITION_STATUS_VALUE_DEAD_LETTER,
};

function conclude(span: Span, outcome: EventOutcome): void {
  span.setAttribute(eventNames.outcome, outcome.kind);
  if (outcome.kind !== 'lost')
    span.setAttribute(attribute.AZURE_SERVICEBUS_DISPOSITION_STATUS, dispositions[outcome.kind]);
  if (!('code' in outcome)) return;
  const { code } = outcome;
  span.setAttribute(attribute.ERROR_TYPE, code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  span.addEvent('exception', {
    [attribute.EXCEPTION_TYPE]: code,
    [attribute.EXCEPTION_MESSAGE]: failures[code].summary,
  });
}
