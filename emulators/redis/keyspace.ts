export type Value = { type: 'string'; bytes: Buffer } | { type: 'list'; items: Buffer[] };
type Entry = { value: Value; expiresAt: number | undefined; sequence: number };

const SWEEP_INTERVAL_MS = 500;

export type Keyspace = {
  get(key: Buffer): Value | undefined;
  /** `expiresAt` in milliseconds since the epoch; undefined: never. */
  set(key: Buffer, value: Value, expiresAt: number | undefined): void;
  delete(key: Buffer): boolean;
  expiresAt(key: Buffer): number | undefined;
  setExpiry(key: Buffer, expiresAt: number | undefined): void;
  size(): number;
  clear(): void;
  /** Up to `count` keys after the cursor, and the cursor to go on with: 0 when there are no more. */
  scan(cursor: number, count: number): { cursor: number; keys: { name: string; type: Value['type'] }[] };
  close(): void;
};

/** The keys and their values. What has expired is gone for every reader at once, and from memory soon after. */
export function makeKeyspace(): Keyspace {
  // Keys are bytes: latin1 maps each byte to one character and back.
  const entries = new Map<string, Entry>();
  let nextSequence = 1;

  function live(name: string): Entry | undefined {
    const entry = entries.get(name);
    if (entry?.expiresAt === undefined || entry.expiresAt > Date.now()) return entry;
    entries.delete(name);
    return undefined;
  }

  function sweep(): void {
    for (const name of entries.keys()) live(name);
  }
  const sweeper = setInterval(sweep, SWEEP_INTERVAL_MS).unref();

  const nameOf = (key: Buffer): string => key.toString('latin1');

  return {
    get: (key) => live(nameOf(key))?.value,
    set(key, value, expiresAt) {
      const name = nameOf(key);
      const sequence = live(name)?.sequence ?? nextSequence++;
      entries.set(name, { value, expiresAt, sequence });
    },
    delete: (key) => live(nameOf(key)) !== undefined && entries.delete(nameOf(key)),
    expiresAt: (key) => live(nameOf(key))?.expiresAt,
    setExpiry(key, expiresAt) {
      const entry = live(nameOf(key));
      if (entry) entry.expiresAt = expiresAt;
    },
    size() {
      sweep();
      return entries.size;
    },
    clear: () => entries.clear(),
    scan(cursor, count) {
      const keys: { name: string; type: Value['type'] }[] = [];
      // The map keeps the order of first insertion, so a sequence number is a cursor that no deletion shifts: SCAN
      // promises every key that is there from its start to its end (redis.io/docs/latest/commands/scan).
      for (const [name, entry] of entries) {
        if (entry.sequence <= cursor || live(name) === undefined) continue;
        if (keys.length === count) return { cursor: entry.sequence - 1, keys };
        keys.push({ name, type: entry.value.type });
      }
      return { cursor: 0, keys };
    },
    close: () => clearInterval(sweeper),
  };
}
