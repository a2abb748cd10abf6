import { metrics } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import type { GateState } from '../pipeline/gate.ts';
import type { Watch } from '../pipeline/watch.ts';
import { observeGates } from './gate-metrics.ts';
import { makeMetrics } from './metrics.ts';
import { APP_NAME } from './names.ts';
import { observeProcess } from './process-metrics.ts';
import { observeSubscription, type Subscription } from './subscription-metrics.ts';

export type Observed = {
  readonly state: string;
  readonly gates: readonly GateState[];
  readonly subscription: Subscription;
};

export type WorkerMetrics = {
  /** Counts and times what a worker of this configuration does. */
  watch(config: Config): Watch;
  /** From now on there is a worker to tell of. */
  observe(worker: Observed): void;
};

/** All metrics of the worker, for whoever reads them: the global meter provider's readers. */
export function startWorkerMetrics(): WorkerMetrics {
  const meter = metrics.getMeter(APP_NAME);
  observeProcess(meter);
  return {
    watch: (config) => makeMetrics(meter, config),
    observe(worker) {
      const { gates, subscription } = worker;
      const serviceBus = gates.find(({ dependency }) => dependency === 'service-bus')!;
      observeGates(meter, gates);
      observeSubscription(meter, subscription, () => !serviceBus.isOpen || worker.state !== 'RUNNING');
    },
  };
}
