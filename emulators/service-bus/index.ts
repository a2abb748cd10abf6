import { z } from 'zod';
import { makeFaults, runAction } from '../faults.ts';
import type { Broker } from './broker.ts';
import type { Authorize } from './cbs.ts';
import { makeConnections, type Tls } from './connections.ts';
import { type EntityCounters, type ServiceBusCounters, totalOf } from './counters.ts';
import { Entity } from './entity.ts';
import { faultsSchema, noFaults, type ServiceBusFaults } from './faults.ts';
import { inspect } from './inspect.ts';
import { type EntityOptions, Namespace } from './namespace.ts';
import { systemClock } from './wake-up.ts';

export type { EntityCounters, ServiceBusCounters } from './counters.ts';
export type { ServiceBusFaults } from './faults.ts';
export type { InspectedMessage, NewMessage } from './inspect.ts';
export type { SubscriptionOptions } from './namespace.ts';
export type { Rule } from './rules.ts';

export type ServiceBusOptions = EntityOptions & {
  /** Default: 127.0.0.1. */
  host?: string;
  /** Default 0: a free one. */
  port?: number;
  /** Listens with TLS too: the client sends Entra ID tokens over TLS only. */
  tls?: Tls;
  latencyMs?: number;
  /** Decides about the tokens that clients show. Default: all are good. */
  authorize?: Authorize;
};
export type ServiceBusEmulator = Awaited<ReturnType<typeof startServiceBus>>;

const entityOnly = z.strictObject({ entity: z.string().optional() });
const oneEntity = z.strictObject({ entity: z.string() });
const detachArgs = z.strictObject({ entity: z.string().optional(), condition: z.string().min(1).optional() });
const restartArgs = z.strictObject({ downMs: z.number().min(0).default(0) });
const noArgs = z.strictObject({});

/**
 * Starts a stand-in for Azure Service Bus that the official clients talk to over AMQP 1.0.
 * @throws Error when a port is taken
 */
export async function startServiceBus(options: ServiceBusOptions = {}) {
  const faults = makeFaults(faultsSchema, { ...noFaults, latencyMs: options.latencyMs ?? 0 });
  const namespace = new Namespace(options, systemClock, () => !faults.get().silent && !faults.get().freeze);
  const broker: Broker = { namespace, faults: faults.get, authorize: options.authorize ?? (() => true) };
  const connections = makeConnections(broker, options.host ?? '127.0.0.1', options.tls);
  const { port, tlsPort } = await connections.start(options.port ?? 0, options.tls?.port);

  const chosen = (path: string | undefined): Entity[] => {
    if (path === undefined) return namespace.entities();
    const found = namespace.find(path);
    return found instanceof Entity ? [found] : found.subscriptions.map(({ entity }) => entity);
  };
  const detach = (entities: Entity[], condition: string, description: string): number => {
    const consumers = entities.flatMap((entity) => [...entity.consumers]);
    for (const consumer of consumers) consumer.detach(condition, description);
    return consumers.length;
  };
  const actions: Record<string, (args: Record<string, unknown>) => unknown> = {
    detachLinks(args) {
      const { entity, condition = 'amqp:link:detach-forced' } = detachArgs.parse(args);
      return { detached: detach(chosen(entity), condition, 'The link is force detached by the stand-in.') };
    },
    dropConnections(args) {
      noArgs.parse(args);
      return { dropped: connections.drop() };
    },
    loseLocks(args) {
      const entities = chosen(entityOnly.parse(args).entity);
      return { lost: entities.reduce((sum, entity) => sum + entity.loseLocks(), 0) };
    },
    loseSessionLocks(args) {
      const entities = chosen(entityOnly.parse(args).entity);
      return { lost: entities.reduce((sum, entity) => sum + entity.loseSessionLocks(), 0) };
    },
    /** Resolves when it listens again. Messages and locks are kept. */
    async restart(args) {
      const { downMs } = restartArgs.parse(args);
      await connections.stop();
      await new Promise((resolve) => setTimeout(resolve, downMs));
      await connections.start(port, tlsPort);
      return { downMs };
    },
    disableEntity(args) {
      const { entity } = oneEntity.parse(args);
      namespace.find(entity).disabled = true;
      const description = `The messaging entity '${entity}' is disabled.`;
      return { detached: detach(chosen(entity), 'com.microsoft:entity-disabled', description) };
    },
    enableEntity(args) {
      const { entity } = oneEntity.parse(args);
      namespace.find(entity).disabled = false;
      return { entity };
    },
  };

  return {
    port,
    tlsPort,
    connectionString: `Endpoint=sb://localhost:${port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=local-service-bus-key;UseDevelopmentEmulator=true;`,
    /** What happened since the start or the last reset, by entity path, and the sums. */
    counters(): ServiceBusCounters {
      const entities: Record<string, EntityCounters> = {};
      for (const entity of namespace.all()) entities[entity.path] = entity.counters();
      return { entities, totals: totalOf(entities), connections: connections.counters() };
    },
    resetCounters(): void {
      for (const entity of namespace.all()) entity.resetCounters();
      connections.resetCounters();
    },
    faults: (): ServiceBusFaults => faults.get(),
    /** @throws Error for unknown names, listing the known ones, and for wrong values */
    setFaults(patch: Partial<ServiceBusFaults>): void {
      faults.set(patch);
      connections.freezeChanged();
      for (const entity of namespace.entities()) entity.pump();
    },
    /** @throws Error for an unknown action, listing the known ones, and for wrong arguments */
    act: (name: string, args?: Record<string, unknown>): unknown => runAction(actions, name, args),
    /** @throws Refusal when there is no such queue, topic, subscription or dead-letter queue */
    entity: (path: string) => inspect(namespace.find(path)),
    async close(): Promise<void> {
      for (const entity of namespace.all()) entity.stop();
      await connections.stop();
    },
  };
}
