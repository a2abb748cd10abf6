import { SpanStatusCode } from '@opentelemetry/api';
import type { Span, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { APP_NAME, attribute } from './names.ts';
import { placeOf } from './span-failure.ts';

/**
 * The clients put the whole message of an error on their own spans, and what a service answers may quote what it was asked with: a
 * conversation, a token. So there, too, only the kind of the error and its place are told; the log and our span of the call say
 * the rest, under a code.
 */
export class ClientSpanProcessor implements SpanProcessor {
  onEnding(span: Span): void {
    if (span.instrumentationScope.name === APP_NAME || span.status.code !== SpanStatusCode.ERROR) return;
    span.setStatus({ code: SpanStatusCode.ERROR });
    for (const event of span.events.filter(({ name }) => name === 'exception')) {
      const { [attribute.EXCEPTION_TYPE]: type = 'Error', [attribute.EXCEPTION_STACKTRACE]: stack } =
        event.attributes ?? {};
      event.attributes = {
        ...event.attributes,
        [attribute.EXCEPTION_MESSAGE]: type,
        [attribute.EXCEPTION_STACKTRACE]: placeOf(String(stack ?? '')),
      };
    }
  }

  onStart(): void {}
  onEnd(): void {}
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}
