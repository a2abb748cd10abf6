import { etagOf, type Storage } from './database.ts';
import { isLifetime, MAX_LIFETIME } from './items.ts';
import { partitionPath } from './partition-key.ts';
import { badRequest, notFound, ownerMissing, Refusal } from './refusal.ts';

export type Container = {
  number: number;
  databaseNumber: number;
  database: string;
  id: string;
  partitionKeyPath: string[];
  /** Seconds; -1: items expire only by their own ttl; undefined: never, whatever an item says. */
  defaultTtl: number | undefined;
  /** Base64 of 8 bytes: the client drops session tokens of owners whose id is any other length. */
  rid: string;
  link: string;
  definition: Record<string, unknown>;
  etag: string;
  ts: number;
};

export type Containers = ReturnType<typeof createContainers>;
type DatabaseRow = { number: number; id: string; ts: number };
type ContainerRow = { number: number; id: string; definition: string; etag: string; ts: number };

/** Databases and containers: few, so they are kept in memory beside their rows. */
export function createContainers(storage: Storage, seconds: () => number) {
  const { sql } = storage;
  const databases = new Map<string, { row: DatabaseRow; containers: Map<string, Container> }>();
  for (const row of sql.prepare('SELECT number, id, ts FROM databases').all() as DatabaseRow[]) {
    const containers = new Map<string, Container>();
    const rows = sql.prepare('SELECT * FROM containers WHERE database = ?').all(row.number) as ContainerRow[];
    for (const found of rows) containers.set(found.id, asContainer(row, found));
    databases.set(row.id, { row, containers });
  }

  const owner = (id: string) => {
    const found = databases.get(id);
    if (!found) throw ownerMissing(`database '${id}'`);
    return found;
  };
  const findContainer = (database: string, id: string): Container | undefined =>
    databases.get(database)?.containers.get(id);

  return {
    databases: () => [...databases.values()].map((entry) => entry.row),
    findDatabase: (id: string) => databases.get(id)?.row,
    findContainer,
    /** The container that a request on items addresses; 404/1003 when it or its database is missing. */
    ownerOfItems(database: string, id: string): Container {
      const found = findContainer(database, id);
      if (!found) throw ownerMissing(`container '${database}/${id}'`);
      return found;
    },
    containersOf: (database: string) => [...owner(database).containers.values()],
    createDatabase(id: string): DatabaseRow {
      if (databases.has(id)) throw new Refusal(409, 0, `Database '${id}' already exists.`);
      const ts = seconds();
      const number = Number(
        sql.prepare('INSERT INTO databases (id, ts) VALUES (?, ?)').run(id, ts).lastInsertRowid,
      );
      const row = { number, id, ts };
      databases.set(id, { row, containers: new Map() });
      return row;
    },
    createContainer(database: string, id: string, given: Record<string, unknown>): Container {
      const { row, containers } = owner(database);
      if (containers.has(id)) throw new Refusal(409, 0, `Container '${id}' already exists.`);
      const definition = checkedDefinition({ ...given, id });
      const ts = seconds();
      const etag = etagOf(storage.nextLsn(), ts);
      const text = JSON.stringify(definition);
      const number = Number(
        sql
          .prepare('INSERT INTO containers (database, id, definition, etag, ts) VALUES (?, ?, ?, ?, ?)')
          .run(row.number, id, text, etag, ts).lastInsertRowid,
      );
      const made = asContainer(row, { number, id, definition: text, etag, ts });
      containers.set(id, made);
      return made;
    },
    replaceContainer(container: Container, given: Record<string, unknown>): Container {
      const definition = checkedDefinition({ ...given, id: container.id });
      const { row, containers } = owner(container.database);
      const ts = seconds();
      const etag = etagOf(storage.nextLsn(), ts);
      const text = JSON.stringify(definition);
      const made = asContainer(row, {
        number: container.number,
        id: container.id,
        definition: text,
        etag,
        ts,
      });
      if (made.partitionKeyPath.join('/') !== container.partitionKeyPath.join('/')) {
        throw badRequest('The partition key of a container cannot be changed.');
      }
      storage.atomically(() => {
        sql
          .prepare('UPDATE containers SET definition = ?, etag = ?, ts = ? WHERE number = ?')
          .run(text, etag, ts, container.number);
        const kept = made.defaultTtl ?? null;
        // An item's own ttl goes before the container's; without a defaultTtl nothing expires at all.
        sql
          .prepare(`UPDATE items SET expires = CASE WHEN ?1 IS NULL OR coalesce(ttl, ?1) = -1 THEN NULL
            ELSE ts + coalesce(ttl, ?1) END WHERE container = ?2`)
          .run(kept, container.number);
        // Those whose time is already over by the new rule; later ones are the items' own business.
        sql.prepare('DELETE FROM items WHERE expires <= ?').run(ts);
      });
      containers.set(made.id, made);
      return made;
    },
    removeContainer(container: Container): void {
      storage.atomically(() => {
        sql.prepare('DELETE FROM items WHERE container = ?').run(container.number);
        sql.prepare('DELETE FROM containers WHERE number = ?').run(container.number);
      });
      databases.get(container.database)?.containers.delete(container.id);
    },
    removeDatabase(id: string): void {
      const found = databases.get(id);
      if (!found) throw notFound(`database '${id}'`);
      for (const container of [...found.containers.values()]) this.removeContainer(container);
      sql.prepare('DELETE FROM databases WHERE number = ?').run(found.row.number);
      databases.delete(id);
    },
  };
}

function asContainer(database: DatabaseRow, row: ContainerRow): Container {
  const definition = JSON.parse(row.definition) as Record<string, unknown>;
  const rid = Buffer.alloc(8);
  rid.writeUInt32BE(database.number, 0);
  rid.writeUInt32BE(row.number, 4);
  return {
    number: row.number,
    databaseNumber: database.number,
    database: database.id,
    id: row.id,
    partitionKeyPath: partitionPath((definition.partitionKey as { paths: string[] }).paths[0]!),
    defaultTtl: definition.defaultTtl as number | undefined,
    rid: rid.toString('base64'),
    link: `dbs/${database.id}/colls/${row.id}`,
    definition,
    etag: row.etag,
    ts: row.ts,
  };
}

const understood = [
  'id',
  'partitionKey',
  'defaultTtl',
  'indexingPolicy',
  'conflictResolutionPolicy',
  'geospatialConfig',
];
// These change nothing when empty, and would change answers when not.
const emptyOnly = ['uniqueKeyPolicy', 'computedProperties', 'vectorEmbeddingPolicy', 'fullTextPolicy'];

function checkedDefinition(given: Record<string, unknown>): Record<string, unknown> {
  for (const [name, value] of Object.entries(given)) {
    if (understood.includes(name) || name.startsWith('_')) continue;
    const empty =
      value === null ||
      value === undefined ||
      /^[[\]{}]*$/.test(JSON.stringify(value).replace(/"\w+":/g, ''));
    if (!emptyOnly.includes(name) || !empty)
      throw badRequest(`Container property '${name}' is not supported here.`);
  }
  const { partitionKey, defaultTtl } = given as {
    partitionKey?: { paths?: unknown; kind?: unknown };
    defaultTtl?: unknown;
  };
  const paths = partitionKey?.paths;
  if (!Array.isArray(paths) || typeof paths[0] !== 'string') {
    throw badRequest('A container needs partitionKey.paths with one path such as /userId.');
  }
  if (paths.length !== 1 || (partitionKey?.kind ?? 'Hash') !== 'Hash') {
    throw badRequest('Hierarchical partition keys (several paths, kind MultiHash) are not supported here.');
  }
  partitionPath(paths[0]);
  if (paths[0].includes('"'))
    throw badRequest(`Quotes in a partition key path are not supported here: '${paths[0]}'.`);
  if (defaultTtl !== undefined && !isLifetime(defaultTtl))
    throw badRequest(`defaultTtl is -1 or a number of seconds from 1 to ${MAX_LIFETIME}.`);
  const own = Object.entries(given).filter(([name]) => !name.startsWith('_'));
  return {
    indexingPolicy: {
      indexingMode: 'consistent',
      automatic: true,
      includedPaths: [{ path: '/*' }],
      excludedPaths: [{ path: '/"_etag"/?' }],
    },
    ...Object.fromEntries(own),
  };
}
