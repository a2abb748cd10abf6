import { metrics } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import type { GateState } from '../pipeline/gate.ts';
import type { Watch } from '../pipeline/watch.ts';
import { observeGates } from './gate-metrics.ts';
import { makeMetrics } from './metrics.ts';
import { APP_NAME } from './names.ts';
import { observeProcess } from './process-metrics.ts';

export type WorkerMetrics = {
  watch: Watch;
  /** From now on there is a worker to tell of. */
  observe(worker: { readonly gates: readonly GateState[] }): void;
};

/** All metrics of the worker, for whoever reads them: the global meter provider's readers. */
export function startWorkerMetrics(config: Config): WorkerMetrics {
  const meter = metrics.getMeter(APP_NAME);
  observeProcess(meter);
  return {
    watch: makeMetrics(meter, config),
    observe: ({ gates }) => observeGates(meter, () => gates),
  };
}
