import { context, trace } from '@opentelemetry/api';
import { type AnyValueMap, logs, SeverityNumber } from '@opentelemetry/api-logs';
import { idsIn } from './app-attributes.ts';
import type { LogSink } from './log.ts';
import { APP_NAME } from './names.ts';

const severities = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

/** Exports the lines of the log, and says what event and trace one belongs to. */
export function makeLogSink(): LogSink {
  const logger = logs.getLogger(APP_NAME);
  return {
    about() {
      const active = context.active();
      const span = trace.getSpanContext(active);
      return {
        ...(span ? { trace_id: span.traceId, span_id: span.spanId } : {}),
        ...idsIn(active),
      };
    },
    take(level, severityText, fields, body) {
      logger.emit({
        severityNumber: severities[level],
        severityText,
        body,
        attributes: fields as AnyValueMap,
        context: context.active(),
      });
    },
  };
}
