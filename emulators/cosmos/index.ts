import { z } from 'zod';
import { runAction } from '../faults.ts';
import { createAccountRoutes } from './account-routes.ts';
import type { CosmosRequest } from './answer.ts';
import { EMULATOR_KEY } from './auth.ts';
import { type Container, createContainers } from './containers.ts';
import { type CosmosCounters, newCounters } from './counters.ts';
import { openStorage } from './database.ts';
import { type CosmosFaults, createFaults } from './faults.ts';
import { createItemRoutes, isOnItems } from './item-routes.ts';
import { asDocument, createItems, type Item, parse } from './items.ts';
import { createOperations } from './operations.ts';
import { partitionOfItem, partitionOfValue } from './partition-key.ts';
import { createBudget } from './request-units.ts';
import { type Listener, listen, type Service } from './server.ts';

export type { CosmosCounters } from './counters.ts';
export type { CosmosFaults } from './faults.ts';

export type CosmosOptions = {
  /** 127.0.0.1. */
  host?: string;
  /** 0: a free one. */
  port?: number;
  /** Listens with HTTPS too (Entra ID needs it); both listeners share the data. */
  tls?: { key: string; cert: string; port?: number };
  /** The account key in base64. */
  key?: string;
  /** Judges Entra ID tokens; without it they are all refused. */
  authorize?: (token: string) => boolean;
  /** Without it the data is in memory. */
  dataFolder?: string;
  /** Created at start when missing. */
  database?: string;
  container?: string;
  partitionKeyPath?: string;
  /** Seconds, of the container made at start; without it nothing expires. */
  defaultTtl?: number;
  latencyMs?: number;
  requestUnitsPerSecond?: number;
  multipleWriteRegions?: boolean;
  /** The clock by which items expire and the budget refills; tests bring their own. */
  now?: () => number;
};

export type CosmosEmulator = {
  endpoint: string;
  tlsEndpoint?: string;
  key: string;
  counters(): CosmosCounters;
  resetCounters(): void;
  faults(): CosmosFaults;
  setFaults(patch: unknown): void;
  /**
   * `advanceClock` {seconds}, `ageItems` {seconds, idPrefix?, container?} (moves `_ts`, and with it expiry, back),
   * `deleteContainer` {container?}, `resetCounters`, `put` {item}, `items`.
   */
  act(name: string, args?: Record<string, unknown>): unknown;
  read(partitionKey: string, id: string, container?: string): Item | undefined;
  items(container?: string): Item[];
  put(item: Item): void;
  close(): Promise<void>;
};

const oneContainer = z.strictObject({ container: z.string().optional() });
const putArgs = z.strictObject({ item: z.record(z.string(), z.unknown()) });
const advanceArgs = z.strictObject({ seconds: z.number().nonnegative() });
const ageArgs = z.strictObject({
  seconds: z.number().int().nonnegative(),
  idPrefix: z.string().default(''),
  container: z.string().optional(),
});

/** Starts the stand-in for Azure Cosmos DB. */
export async function startCosmos(options: CosmosOptions = {}): Promise<CosmosEmulator> {
  const { host = '127.0.0.1', key = EMULATOR_KEY, now = Date.now } = options;
  let ahead = 0;
  const clock = () => now() + ahead;
  const storage = openStorage(options.dataFolder);
  const containers = createContainers(storage, () => Math.floor(clock() / 1000));
  const items = createItems(storage, clock);
  const budget = createBudget(clock);
  let counters = newCounters();
  const listeners: Listener[] = [];
  let budgeted = options.requestUnitsPerSecond ?? null;
  budget.limit(budgeted);
  const faults = createFaults(
    { latencyMs: options.latencyMs ?? 0, requestUnitsPerSecond: budgeted },
    (current) => {
      if (current.requestUnitsPerSecond !== budgeted) {
        budgeted = current.requestUnitsPerSecond;
        budget.limit(budgeted);
      }
      if (current.refuseConnections) for (const listener of listeners) listener.dropConnections();
    },
  );
  const onItems = createItemRoutes(containers, items, createOperations(items, faults.isFull), storage);
  const onAccount = createAccountRoutes(containers, options.multipleWriteRegions ?? false);
  const service: Service = {
    credentials: { key, authorize: options.authorize },
    faults,
    budget,
    counters: () => counters,
    lastLsn: storage.lastLsn,
    now: clock,
    respond: (request: CosmosRequest) => (isOnItems(request.segments) ? onItems : onAccount)(request),
  };

  const { database, container, partitionKeyPath = '/userId' } = options;
  if (database !== undefined && !containers.findDatabase(database)) containers.createDatabase(database);
  const kept =
    database === undefined || container === undefined
      ? undefined
      : containers.findContainer(database, container);
  if (kept && `/${kept.partitionKeyPath.join('/')}` !== partitionKeyPath) {
    storage.sql.close();
    throw new Error(
      `the container '${kept.id}' in ${options.dataFolder} has the partition key /${kept.partitionKeyPath.join('/')} for good, ` +
        `not ${partitionKeyPath}: start with that one, or with another data folder`,
    );
  }
  if (database !== undefined && container !== undefined && !kept) {
    containers.createContainer(database, container, {
      partitionKey: { paths: [partitionKeyPath], kind: 'Hash', version: 2 },
      ...(options.defaultTtl === undefined ? {} : { defaultTtl: options.defaultTtl }),
    });
  }

  /** By name, else the one of the options, else the only one there is. */
  const chosen = (name?: string): Container => {
    const all = containers.databases().flatMap((row) => containers.containersOf(row.id));
    const wanted = name ?? container;
    const found = all.filter((one) => wanted === undefined || one.id === wanted);
    if (found.length !== 1) throw new Error(`There are ${found.length} containers '${wanted ?? ''}'.`);
    return found[0]!;
  };
  const allItems = (name?: string): Item[] => {
    const from = chosen(name);
    return [...items.scan(from, undefined)].map((row) => parse(from, row));
  };
  const put = (item: Item): void => {
    const into = chosen();
    const document = asDocument(structuredClone(item));
    const partition = partitionOfItem(document.item, into.partitionKeyPath);
    const id = document.item.id as string;
    items.save(into, partition, id, document, items.find(into, partition, id));
  };
  const resetCounters = () => {
    counters = newCounters();
  };
  const actions: Record<string, (args: Record<string, unknown>) => unknown> = {
    advanceClock(args) {
      ahead += advanceArgs.parse(args).seconds * 1000;
    },
    ageItems(args) {
      const { seconds, idPrefix, container: name } = ageArgs.parse(args);
      return { aged: items.age(chosen(name), seconds, idPrefix) };
    },
    deleteContainer: (args) => containers.removeContainer(chosen(oneContainer.parse(args).container)),
    items: (args) => allItems(oneContainer.parse(args).container),
    put: (args) => put(putArgs.parse(args).item),
    resetCounters,
  };

  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
    storage.sql.close();
  };
  try {
    listeners.push(await listen(service, host, options.port ?? 0));
    if (options.tls) listeners.push(await listen(service, host, options.tls.port ?? 0, options.tls));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    endpoint: `http://${host}:${listeners[0]!.port}/`,
    ...(listeners[1] ? { tlsEndpoint: `https://${host}:${listeners[1].port}/` } : {}),
    key,
    counters: () => structuredClone(counters),
    resetCounters,
    faults: faults.get,
    setFaults: faults.set,
    act: (name, args) => runAction(actions, name, args),
    read(partitionKey, id, name) {
      const from = chosen(name);
      const row = items.find(from, partitionOfValue(partitionKey), id);
      return row && parse(from, row);
    },
    items: allItems,
    put,
    close,
  };
}
