import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { observe } from './instruments.ts';
import { metrics } from './metric-names.ts';
import { attribute, value } from './names.ts';

/** How often the loop is looked at. What the histogram measures includes it. */
const RESOLUTION_MS = 20;
/** Several may read the metrics: what they see is of one window, and none cuts another's short. */
const WINDOW_MS = 10_000;

/** What the process itself costs, and how late its event loop is. Looks only when somebody reads, but for the loop. */
export function observeProcess(meter: Meter): void {
  observe(meter, ['memory', 'heapUsed'], () => {
    const { rss, heapUsed } = process.memoryUsage();
    return { memory: rss, heapUsed };
  });

  const { name, description, unit } = metrics.cpuTime;
  meter.createObservableCounter(name, { description, unit }).addCallback((result) => {
    const { user, system } = process.cpuUsage();
    result.observe(user / 1e6, { [attribute.CPU_MODE]: value.CPU_MODE_VALUE_USER });
    result.observe(system / 1e6, { [attribute.CPU_MODE]: value.CPU_MODE_VALUE_SYSTEM });
  });

  const window = makeLoopWindow();
  observe(meter, ['loopDelayP50', 'loopDelayP99', 'loopDelayMax', 'loopUtilization'], window);
}

type Loop = { loopDelayP50: number; loopDelayP99: number; loopDelayMax: number; loopUtilization: number };

function makeLoopWindow(): () => Partial<Loop> {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const late = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS) / 1000;
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  let seen: Partial<Loop> = {};
  let until = 0;

  return () => {
    const now = performance.now();
    if (now < until || delays.count === 0) return seen;
    const utilization = performance.eventLoopUtilization();
    seen = {
      loopDelayP50: late(delays.percentile(50)),
      loopDelayP99: late(delays.percentile(99)),
      loopDelayMax: late(delays.max),
      loopUtilization: performance.eventLoopUtilization(utilization, before).utilization,
    };
    before = utilization;
    until = now + WINDOW_MS;
    delays.reset();
    return seen;
  };
}
