import { type Span, SpanStatusCode } from '@opentelemetry/api';
import { Failure } from '../pipeline/failures.ts';
import { attribute } from './names.ts';

/** Those that stand in a span already: the spans around it only say that they failed. */
const told = new WeakSet<object>();

/**
 * Marks a span as failed, under the failure's code. An error that is no Failure may quote a conversation: of it only the name and
 * the place are told.
 */
export function fail(span: Span, error: unknown): void {
  const { code, message } = describe(error);
  span.setAttribute(attribute.ERROR_TYPE, code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: message ?? code });
  if (typeof error !== 'object' || error === null || told.has(error)) return;
  told.add(error);
  span.addEvent('exception', {
    [attribute.EXCEPTION_TYPE]: code,
    [attribute.EXCEPTION_MESSAGE]: message ?? code,
    [attribute.EXCEPTION_STACKTRACE]: placeOf(String((error as Error).stack ?? '')),
  });
}

function describe(error: unknown): { code: string; message?: string } {
  if (error instanceof Failure) return { code: error.code, message: error.message };
  return { code: error instanceof Error ? error.name : typeof error };
}

/** Of a stack only the lines that say where: the first ones repeat the message. */
export const placeOf = (stack: string): string =>
  stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
