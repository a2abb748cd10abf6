import { z } from 'zod';
import { makeAbsence } from '../absence.ts';
import { makeFaults, runAction } from '../faults.ts';
import type { Broker } from './broker.ts';
import type { Authorize } from './cbs.ts';
import { makeConnections, type Tls } from './connections.ts';
import { type EntityCounters, type ServiceBusCounters, totalOf } from './counters.ts';
import { Entity } from './entity.ts';
import { faultsSchema, noFaults, type ServiceBusFaults } from './faults.ts';
import { makeInjectedRefusals } from './injected-refusals.ts';
import { inspect } from './inspect.ts';
import { type EntityOptions, Namespace } from './namespace.ts';
import { bySharedAccess, KEY, KEY_NAME } from './shared-access.ts';
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
  /** Decides about the tokens that clients show. Default: those that its key has signed, and every one of Entra ID. */
  authorize?: Authorize;
};
export type ServiceBusEmulator = Awaited<ReturnType<typeof startServiceBus>>;

const entityOnly = z.strictObject({ entity: z.string().optional() });
const oneEntity = z.strictObject({ entity: z.string() });
const detachArgs = z.strictObject({ entity: z.string().optional(), condition: z.string().min(1).optional() });
const restartArgs = z.strictObject({ downMs: z.number().min(0).default(0) });
const expireArgs = z.strictObject({ graceMs: z.number().min(0).default(200) });
const noArgs = z.strictObject({});

/**
 * Starts a stand-in for Azure Service Bus that the official clients talk to over AMQP 1.0.
 * @throws Error when a port is taken
 */
export async function startServiceBus(options: ServiceBusOptions = {}) {
  const faults = makeFaults(faultsSchema, { ...noFaults, latencyMs: options.latencyMs ?? 0 });
  const namespace = new Namespace(options, systemClock, () => !faults.get().silent && !faults.get().freeze);
  const refusals = makeInjectedRefusals(faults.get);
  const authorize = options.authorize ?? bySharedAccess;
  const broker: Broker = { namespace, faults: faults.get, refusals, authorize };
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
  const absence = makeAbsence(connections.stop, async () => void (await connections.start(port, tlsPort)));
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
      return { lost: entities.reduce((sum, entity) => sum + entity.settlement.loseLocks(), 0) };
    },
    loseSessionLocks(args) {
      const entities = chosen(entityOnly.parse(args).entity);
      return { lost: entities.reduce((sum, entity) => sum + entity.sessionLocks.loseSessionLocks(), 0) };
    },
    /** The receiving links that are open now stay up and get nothing any more; links that come later do. */
    silenceLinks(args) {
      const entities = chosen(entityOnly.parse(args).entity);
      const consumers = entities.flatMap((entity) => [...entity.consumers]);
      return { silenced: consumers.filter((consumer) => consumer.silence()).length };
    },
    /**
     * Every token shown so far is good for `graceMs` more; then the links that no newer one covers are detached with
     * amqp:unauthorized-access.
     */
    expireTokens: (args) => ({ expired: connections.expireTokens(expireArgs.parse(args).graceMs) }),
    /** Resolves when it listens again. Messages and locks are kept. One that comes during another prolongs it. */
    async restart(args) {
      const { downMs } = restartArgs.parse(args);
      await absence.begin(downMs);
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
    connectionString: `Endpoint=sb://localhost:${port};SharedAccessKeyName=${KEY_NAME};SharedAccessKey=${KEY};UseDevelopmentEmulator=true;`,
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
      if ('refuseSettlements' in patch || 'refuseSettlementsEvery' in patch) refusals.restart();
      connections.freezeChanged();
      for (const entity of namespace.entities()) entity.delivery.pump();
    },
    /** @throws Error for an unknown action, listing the known ones, and for wrong arguments */
    act: (name: string, args?: Record<string, unknown>): unknown => runAction(actions, name, args),
    /** @throws Refusal when there is no such queue, topic, subscription or dead-letter queue */
    entity: (path: string) => inspect(namespace.find(path)),
    async close(): Promise<void> {
      absence.end();
      for (const entity of namespace.all()) entity.stop();
      await connections.stop();
    },
  };
}
