import { type Attributes, type Context, createContextKey } from '@opentelemetry/api';
import type { LogRecordProcessor, SdkLogRecord } from '@opentelemetry/sdk-logs';
import type { Span, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { EventIds } from '../history/event.ts';
import { APP_NAME, app, shortened } from './names.ts';

const KEY = createContextKey('history-worker: the event that is worked on');

/** The same context, in which every span and log record bears the ids of this event. */
export function withIdsOf(context: Context, { userId, sessionId, chatMessageId }: EventIds): Context {
  const ids: Attributes = {};
  if (userId) ids[app.userId] = shortened(userId);
  if (sessionId) ids[app.sessionId] = shortened(sessionId);
  if (chatMessageId) ids[app.chatMessageId] = shortened(chatMessageId);
  return context.setValue(KEY, ids);
}

/** The ids of the event that is worked on in this context, under their names; none where it is none. */
export const idsIn = (context: Context): Attributes =>
  (context.getValue(KEY) as Attributes | undefined) ?? {};

/**
 * Puts the ids of the event that is worked on, and the app's name, on every span that starts meanwhile, whoever starts it. They
 * come from the context that the span is started in, which may be another one than the active one, and travel with it: so many
 * events at once never mix.
 */
export class AppAttributesSpanProcessor implements SpanProcessor {
  onStart(span: Span, parentContext: Context): void {
    span.setAttribute(app.name, APP_NAME);
    span.setAttributes(idsIn(parentContext));
  }

  /** Application Insights makes items of their own of a span's events (exceptions), which bear what these bear. */
  onEnding({ events, attributes }: Span): void {
    if (events.length === 0) return;
    const own = Object.values(app).flatMap((name) =>
      attributes[name] === undefined ? [] : [[name, attributes[name]]],
    );
    for (const event of events) event.attributes = { ...event.attributes, ...Object.fromEntries(own) };
  }

  onEnd(): void {}
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

/** The same for log records. */
export class AppAttributesLogRecordProcessor implements LogRecordProcessor {
  onEmit(record: SdkLogRecord, context?: Context): void {
    record.setAttribute(app.name, APP_NAME);
    if (context) record.setAttributes(idsIn(context));
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}
