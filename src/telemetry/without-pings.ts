import { INVALID_SPAN_CONTEXT, type TracerProvider, trace } from '@opentelemetry/api';

/** As instrumentation-redis 0.69 names it. */
const PING = 'redis-PING';

/**
 * A provider whose tracers make no span of the pings by which Redis' client keeps its connection. They have a parent, so that
 * `requireParentSpan` does not leave them out: their timer is set within the span of the connection, and would tell of a
 * dependency every three seconds, in one trace that never ends.
 */
export const withoutPings = (provider: TracerProvider): TracerProvider => ({
  getTracer(...of) {
    const tracer = provider.getTracer(...of);
    return {
      startSpan: (name, ...how) =>
        name === PING ? trace.wrapSpanContext(INVALID_SPAN_CONTEXT) : tracer.startSpan(name, ...how),
      startActiveSpan: tracer.startActiveSpan.bind(tracer),
    };
  },
});
