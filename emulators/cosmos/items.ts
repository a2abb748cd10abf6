import type { SQLInputValue } from 'node:sqlite';
import type { Container } from './containers.ts';
import { etagOf, type Storage } from './database.ts';
import { badRequest, Refusal } from './refusal.ts';

/** An item as it lies in the table; `body` is its JSON text without the service's own properties. */
export type Row = {
  seq: number;
  pk: string;
  id: string;
  body: string;
  /** The size that is charged and limited: of the text that a reader gets. */
  bytes: number;
  etag: string;
  ts: number;
};
export type Item = Record<string, unknown>;
export type Items = ReturnType<typeof createItems>;

// learn.microsoft.com/azure/cosmos-db/concepts-limits: "Maximum size of an item: 2 MB (UTF-8 length of JSON)".
const MAX_BYTES = 2 * 1024 * 1024;
// The same page: "Maximum level of nesting for embedded objects / arrays: 128".
const MAX_LEVELS = 128;
const SYSTEM = ['_rid', '_self', '_etag', '_ts', '_attachments'];

/** The items of all containers. Every change is one committed SQLite transaction before it is answered. */
export function createItems(storage: Storage, now: () => number) {
  const { sql } = storage;
  const columns = 'seq, pk, id, body, bytes, etag, ts';
  const byKey = sql.prepare(`SELECT ${columns} FROM items WHERE container = ? AND pk = ? AND id = ?`);
  const inPartition = sql.prepare(`SELECT ${columns} FROM items WHERE container = ? AND pk = ? AND seq > ?`);
  // By seq, which is the row's own order: an index would cost a sort of whole bodies.
  const everywhere = sql.prepare(
    `SELECT ${columns} FROM items NOT INDEXED WHERE container = ? AND seq > ? ORDER BY seq`,
  );
  const purge = sql.prepare('DELETE FROM items WHERE expires <= ?');
  const add = sql.prepare(
    'INSERT INTO items (body, bytes, etag, ts, ttl, expires, container, pk, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const change = sql.prepare(
    'UPDATE items SET body = ?, bytes = ?, etag = ?, ts = ?, ttl = ?, expires = ? WHERE seq = ?',
  );
  const drop = sql.prepare('DELETE FROM items WHERE seq = ?');
  const older = sql.prepare(
    `UPDATE items SET ts = max(0, ts - ?1), expires = expires - ?1
     WHERE container = ?2 AND substr(id, 1, length(?3)) = ?3`,
  );
  const seconds = () => Math.floor(now() / 1000);
  let purgedAt = 0;

  // Lifetimes count in whole seconds, so once a second, before anything looks, is exact: nobody sees an expired item.
  const expire = () => {
    const second = seconds();
    if (second !== purgedAt) purge.run(second);
    purgedAt = second;
  };

  const find = (container: Container, pk: string, id: string): Row | undefined => {
    expire();
    return byKey.get(container.number, pk, id) as Row | undefined;
  };

  const save = (
    container: Container,
    pk: string,
    id: string,
    document: Document,
    old: Row | undefined,
  ): Row => {
    const ts = seconds();
    const etag = etagOf(storage.nextLsn(), ts);
    const { body, ttl } = document;
    const lifetime = container.defaultTtl === undefined ? -1 : (ttl ?? container.defaultTtl);
    const row: Row = { seq: old?.seq ?? 0, pk, id, body, bytes: 0, etag, ts };
    // The service's own properties are ASCII and of fixed length, whatever seq the row will get.
    row.bytes = Buffer.byteLength(body) + 1 + system(container, row).length;
    if (row.bytes > MAX_BYTES)
      throw new Refusal(413, 0, 'Request size is too large: an item is at most 2 MB.');
    const values: SQLInputValue[] = [
      body,
      row.bytes,
      etag,
      ts,
      ttl ?? null,
      lifetime === -1 ? null : ts + lifetime,
    ];
    if (old) change.run(...values, old.seq);
    else row.seq = Number(add.run(...values, container.number, pk, id).lastInsertRowid);
    return row;
  };

  return {
    find,
    save,
    remove: (row: Row) => void drop.run(row.seq),
    /** Makes items look as if they were last written so many seconds earlier. Etags stay. Returns how many. */
    age(container: Container, by: number, idPrefix: string): number {
      const { changes } = older.run(by, container.number, idPrefix);
      // Some may have expired by it, within a second in which expired ones were dropped already.
      purgedAt = 0;
      return Number(changes);
    },
    /**
     * Items in the order in which they were created, from after this one on; of one partition, or of all. To be gone
     * through at once: nothing may be written meanwhile.
     */
    scan(container: Container, pk: string | undefined, after = 0): Iterable<Row> {
      expire();
      if (pk === undefined)
        return everywhere.iterate(container.number, after) as Iterable<unknown> as Iterable<Row>;
      const found = inPartition.all(container.number, pk, after) as unknown as Row[];
      // Sorted here: SQLite would carry whole bodies through its sorter, four times slower.
      return found.sort((a, b) => a.seq - b.seq);
    },
  };
}

// learn.microsoft.com/azure/cosmos-db/nosql/time-to-live: the highest value is that of a 32-bit integer.
export const MAX_LIFETIME = 2 ** 31 - 1;

/** Seconds that something may be given to live; -1: for ever. */
export const isLifetime = (value: unknown): boolean =>
  value === -1 || (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_LIFETIME);

export type Document = { item: Item; body: string; ttl: number | undefined };

/** Reads an item as sent: checks its id and ttl, and drops the service's own properties that a reader sends back. */
export function readDocument(text: string): Document {
  let item: unknown;
  try {
    item = JSON.parse(text);
  } catch {
    throw badRequest('The request body is not valid JSON.');
  }
  return asDocument(item, text.trim());
}

/** The same for an item that is at hand; `body`, if known, is its JSON text. */
export function asDocument(item: unknown, body?: string): Document {
  if (item === null || typeof item !== 'object' || Array.isArray(item))
    throw badRequest('An item is a JSON object.');
  const own = item as Item;
  checkId(own.id);
  if (!isWithin(own, MAX_LEVELS)) throw badRequest(`The item is nested deeper than ${MAX_LEVELS} levels.`);
  const { ttl } = own;
  if (ttl !== undefined && !isLifetime(ttl))
    throw badRequest(`The item's ttl is -1 or a number of seconds from 1 to ${MAX_LIFETIME}.`);
  let text = body;
  for (const name of SYSTEM) {
    if (!Object.hasOwn(own, name)) continue;
    delete own[name];
    text = undefined;
  }
  return { item: own, body: text ?? JSON.stringify(own), ttl: ttl as number | undefined };
}

/** Whether a value has no more than so many objects and lists inside each other. */
function isWithin(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return true;
  if (levels === 0) return false;
  for (const name in value) if (!isWithin((value as Item)[name], levels - 1)) return false;
  return true;
}

function checkId(id: unknown): void {
  if (typeof id !== 'string' || id === '') throw badRequest('The item has no id, or it is not a string.');
  if (/[/\\?#]/.test(id) || !id.isWellFormed())
    throw badRequest('The id contains illegal characters: / \\ ? #.');
  if (Buffer.byteLength(id) > 1023) throw badRequest('The id is longer than 1,023 bytes.');
}

/** The item's JSON text as a reader gets it, without parsing what is stored. */
export function render(container: Container, row: Row): string {
  return `${row.body.slice(0, -1)},${system(container, row)}}`;
}

/** The item as an object, for queries and patches. */
export function parse(container: Container, row: Row): Item {
  const { rid, self } = names(container, row);
  const own = JSON.parse(row.body) as Item;
  own._rid = rid;
  own._self = self;
  own._etag = row.etag;
  own._attachments = 'attachments/';
  own._ts = row.ts;
  return own;
}

function system(container: Container, row: Row): string {
  const { rid, self } = names(container, row);
  const etag = JSON.stringify(row.etag);
  return `"_rid":"${rid}","_self":"${self}","_etag":${etag},"_attachments":"attachments/","_ts":${row.ts}`;
}

function names(container: Container, { seq }: Row): { rid: string; self: string } {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(container.databaseNumber, 0);
  bytes.writeUInt32BE(container.number, 4);
  // The service's counts from its first byte on, and the client compares it so.
  bytes.writeBigUInt64LE(BigInt(seq), 8);
  // With - for /, as the service writes its ids.
  const rid = bytes.toString('base64').replaceAll('/', '-');
  return { rid, self: `dbs/${rid.slice(0, 6)}==/colls/${container.rid}/docs/${rid}/` };
}
