import { type Context, context, type Span, trace } from '@opentelemetry/api';
import { fail } from './span-failure.ts';

/** Does something within a span, in this context. The span ends with it, and is marked as failed where it fails. */
export async function withinSpan<T>(span: Span, within: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await context.with(trace.setSpan(within, span), work);
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}
