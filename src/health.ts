import type { Config } from './config.ts';
import type { Dependency } from './pipeline/failures.ts';
import type { Needed } from './pipeline/gates.ts';
import type { Log } from './pipeline/ports.ts';
import { type Answer, type Part, startHealthServer } from './telemetry/health-server.ts';
import type { Worker } from './worker.ts';

export type Health = {
  url: string;
  /** A service is there, during the start. */
  opened(dependency: Needed): void;
  /** A service is not there yet, during the start, which waits for it. */
  away(dependency: Needed, reason: string): void;
  /** The start is over: from now on the worker itself is asked. */
  started(worker: Pick<Worker, 'state' | 'held' | 'gates' | 'stuck'>): void;
  draining(): void;
  /** What /readyz tells, and why /livez does not say yes. */
  status(): Status;
  close(): Promise<void>;
};

export type HealthOptions = {
  health: Config['health'];
  /** Prometheus' text. */
  metrics: () => Promise<string>;
  log: Log;
  /** What else is served on the port. */
  part?: Part | undefined;
};

export type Status = {
  ready: boolean;
  state: State;
  held: number;
  dependencies: Partial<Record<Dependency, DependencyState>>;
  /** Why the consumer makes no progress. */
  stuck?: string;
};

type State = 'starting' | 'running' | 'draining' | 'stopped' | 'failed';
type DependencyState = {
  state: 'opening' | 'open' | 'closed';
  /** ISO 8601. */
  since: string;
  reason?: string;
};

/**
 * Answers what the platform wants to know, from before the first connection to after the last settlement:
 *
 * - /livez: 200 unless the consumer makes no progress, which only a new start ends;
 * - /readyz: 200 while events are received and made durable; 503 during the start, while a service that this needs is away (the
 *   title model is not), and while draining. It tells which one, since when and why;
 * - /metrics: Prometheus' text.
 * @throws Failure HealthUnavailable
 */
export async function startHealth({
  health,
  metrics,
  log,
  part,
}: HealthOptions): Promise<Health | undefined> {
  const { host, port, isAnyPortGood } = health;
  if (port === undefined) return undefined;
  const opening: Partial<Record<Dependency, DependencyState>> = {};
  const openingIs = (dependency: Needed, state: DependencyState['state']): void => {
    opening[dependency] = { state, since: new Date().toISOString() };
  };
  for (const dependency of ['service-bus', 'redis', 'cosmos'] as const) openingIs(dependency, 'opening');
  let worker: Parameters<Health['started']>[0] | undefined;
  let isDraining = false;
  let wasStuck = false;

  function state(): State {
    const own = (worker?.state.toLowerCase() ?? 'starting') as State;
    return isDraining && (own === 'starting' || own === 'running') ? 'draining' : own;
  }

  function livez(): Answer {
    const reason = worker?.stuck();
    // Whoever asks does so every few seconds.
    if (reason !== undefined && !wasStuck) log.error({ code: 'NoProgress', reason }, 'the consumer is stuck');
    wasStuck = reason !== undefined;
    return json(reason === undefined ? 200 : 503, { live: reason === undefined, state: state(), reason });
  }

  function readiness(): Status {
    const gates = worker?.gates ?? [];
    const isOpen = gates.every((gate) => gate.isOpen || gate.dependency === 'titles');
    const ready = state() === 'running' && isOpen;
    const dependencies: typeof opening = worker ? {} : opening;
    for (const { dependency, isOpen, sinceMs, reason } of gates)
      dependencies[dependency] = {
        state: isOpen ? 'open' : 'closed',
        since: new Date(sinceMs).toISOString(),
        ...(reason === undefined ? {} : { reason }),
      };
    return { ready, state: state(), held: worker?.held ?? 0, dependencies };
  }

  function readyz(): Answer {
    const status = readiness();
    return json(status.ready ? 200 : 503, status);
  }

  const server = await startHealthServer(
    { host, port, isAnyPortGood },
    {
      '/livez': livez,
      '/readyz': readyz,
      '/metrics': async () => ({ status: 200, type: 'text/plain; version=0.0.4', body: await metrics() }),
    },
    log,
    part,
  );
  log.info({ url: server.url }, 'health: /livez, /readyz, /metrics');
  return {
    url: server.url,
    opened: (dependency) => openingIs(dependency, 'open'),
    away(dependency, reason) {
      const since = opening[dependency]?.since ?? new Date().toISOString();
      opening[dependency] = { state: 'opening', since, reason };
    },
    started(given) {
      worker = given;
    },
    draining() {
      isDraining = true;
    },
    status() {
      const stuck = worker?.stuck();
      return { ...readiness(), ...(stuck === undefined ? {} : { stuck }) };
    },
    close: server.close,
  };
}

const json = (status: number, body: object): Answer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(body)}\n`,
});
