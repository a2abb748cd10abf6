import { expect } from 'vitest';
import type { StackOptions } from '../emulators/stack.ts';
import { type ReceivedSpan, receiveOtlp } from './otlp-receiver.ts';
import { setTheScene } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

/** The stand-ins, a receiver of OTLP, and a worker process that sends there. */
export async function observe(environment: Record<string, string> = {}, options: StackOptions = {}) {
  const otlp = await receiveOtlp();
  const scene = await setTheScene(options);
  const start = async () => {
    const worker = startWorkerProcess({
      ...scene.stack.environment,
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_BLRP_SCHEDULE_DELAY: '100',
      ...environment,
    });
    await expect.poll(() => worker.said('receiving')).toBe(true);
    return worker;
  };
  const worker = await start();
  /** Ends the worker, which sends what it has not sent yet. */
  const end = async (): Promise<void> => {
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
  };
  const spansNamed = (name: string | RegExp): ReceivedSpan[] =>
    otlp.spans.filter((span) => (typeof name === 'string' ? span.name === name : name.test(span.name)));
  const linesOf = (message: string) => worker.lines.filter(({ msg }) => msg === message);
  const settled = (count: number, timeout = 20_000) =>
    expect.poll(() => linesOf('event completed').length, { timeout }).toBe(count);
  return { ...scene, otlp, worker, start, end, spansNamed, linesOf, settled };
}

let traces = 0;
/** A sender's trace: its ids, and what a message bears of it. */
export function sendersTrace() {
  traces += 1;
  const traceId = `0af7651916cd43dd8448eb21${traces.toString(16).padStart(8, '0')}`;
  const spanId = `b7ad6b71${traces.toString(16).padStart(8, '0')}`;
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
}

export const idsOf = ({ attributes }: { attributes: Record<string, unknown> }) => ({
  userId: attributes['app.user_id'],
  sessionId: attributes['app.session_id'],
  chatMessageId: attributes['app.chat_message_id'],
});
