import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const RESERVED_AT_ONCE = 1_000_000;
const SQLITE_BUSY = 5;

export type Storage = {
  sql: DatabaseSync;
  /** The next log sequence number: never given twice, not even across restarts, so that no etag ever returns. */
  nextLsn(): number;
  lastLsn(): number;
  atomically<T>(work: () => T): T;
};

/**
 * Opens (or creates) the data. WAL with synchronous=NORMAL: a commit survives the death of the process, which is
 * what is promised; only a power cut may lose the last ones. Locked as long as it is open: containers and the last number are
 * kept in memory, where another process would not see them.
 * @throws Error when another process has it open
 */
export function openStorage(dataFolder: string | undefined): Storage {
  if (dataFolder !== undefined) mkdirSync(dataFolder, { recursive: true });
  const sql = new DatabaseSync(dataFolder === undefined ? ':memory:' : join(dataFolder, 'cosmos.sqlite'));
  lock(sql, dataFolder);
  sql.exec(`
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS reserved (lsn INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS databases (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, ts INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS containers (
      number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL, id TEXT NOT NULL,
      definition TEXT NOT NULL, etag TEXT NOT NULL, ts INTEGER NOT NULL, UNIQUE (database, id));
    CREATE TABLE IF NOT EXISTS items (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, container INTEGER NOT NULL, pk TEXT NOT NULL, id TEXT NOT NULL,
      body TEXT NOT NULL, bytes INTEGER NOT NULL, etag TEXT NOT NULL, ts INTEGER NOT NULL,
      ttl INTEGER, expires INTEGER, UNIQUE (container, pk, id));
    CREATE INDEX IF NOT EXISTS expiring ON items (expires) WHERE expires IS NOT NULL;
  `);
  let depth = 0;
  const atomically = <T>(work: () => T): T => {
    if (depth > 0) return work();
    sql.exec('BEGIN IMMEDIATE');
    depth = 1;
    try {
      const result = work();
      sql.exec('COMMIT');
      return result;
    } catch (error) {
      sql.exec('ROLLBACK');
      throw error;
    } finally {
      depth = 0;
    }
  };
  return { sql, ...createLsn(sql), atomically };
}

function lock(sql: DatabaseSync, dataFolder: string | undefined): void {
  try {
    sql.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; COMMIT;');
  } catch (error) {
    sql.close();
    if ((error as { errcode?: unknown }).errcode !== SQLITE_BUSY) throw error;
    throw new Error(
      `another process has the items in ${dataFolder} open: end it, or take another data folder`,
      { cause: error },
    );
  }
}

// Numbers are reserved a million at a time, so that counting costs no write of its own.
function createLsn(sql: DatabaseSync): Pick<Storage, 'nextLsn' | 'lastLsn'> {
  const stored = sql.prepare('SELECT lsn FROM reserved').get() as { lsn: number } | undefined;
  if (!stored) sql.exec('INSERT INTO reserved VALUES (0)');
  let lsn = stored?.lsn ?? 0;
  let reservedTo = lsn;
  return {
    nextLsn() {
      if (lsn >= reservedTo) {
        reservedTo += RESERVED_AT_ONCE;
        sql.prepare('UPDATE reserved SET lsn = ?').run(reservedTo);
      }
      lsn += 1;
      return lsn;
    },
    lastLsn: () => lsn,
  };
}

/** An etag as the service writes it: quoted, in the header as well as in the item. */
export function etagOf(lsn: number, ts: number): string {
  const hex = lsn.toString(16).padStart(12, '0');
  return `"${hex.slice(0, 8)}-${hex.slice(8)}-0700-0000-${ts.toString(16).padStart(8, '0')}0000"`;
}
