import { matchesGlob } from './glob.ts';
import { array, bulk, error, integer, ok, type Reply, simple } from './reply.ts';
import type { Command, Context } from './session.ts';
import { NOT_AN_INTEGER, readInteger } from './string-commands.ts';

/** The commands on keys, whatever they hold. */
export const keyCommands: Record<string, Command> = {
  DEL: {
    arity: -2,
    run: ([, ...keys], { keyspace }) => integer(keys.filter((key) => keyspace.delete(key)).length),
  },
  UNLINK: {
    arity: -2,
    run: ([, ...keys], { keyspace }) => integer(keys.filter((key) => keyspace.delete(key)).length),
  },
  EXISTS: {
    arity: -2,
    // A key named twice counts twice, as redis-server documents.
    run: ([, ...keys], { keyspace }) => integer(keys.filter((key) => keyspace.get(key) !== undefined).length),
  },
  TYPE: { arity: 2, run: ([, key], { keyspace }) => simple(keyspace.get(key!)?.type ?? 'none') },
  TTL: { arity: 2, run: ([, key], context) => remaining(context, key!, 1000) },
  PTTL: { arity: 2, run: ([, key], context) => remaining(context, key!, 1) },
  EXPIRE: { arity: 3, run: ([, key, amount], context) => expire(context, key!, amount!, 1000) },
  PEXPIRE: { arity: 3, run: ([, key, amount], context) => expire(context, key!, amount!, 1) },
  PERSIST: {
    arity: 2,
    run([, key], { keyspace }) {
      if (keyspace.expiresAt(key!) === undefined) return integer(0);
      keyspace.setExpiry(key!, undefined);
      return integer(1);
    },
  },
  SCAN: { arity: -2, run: scan },
  KEYS: {
    arity: 2,
    run([, pattern], { keyspace }) {
      const { keys } = keyspace.scan(0, Number.POSITIVE_INFINITY);
      const found = keys.filter(({ name }) => matchesGlob(name, pattern!.toString('latin1')));
      return array(found.map(({ name }) => bulk(Buffer.from(name, 'latin1'))));
    },
  },
  DBSIZE: { arity: 1, run: (_, { keyspace }) => integer(keyspace.size()) },
  FLUSHALL: { arity: -1, run: (_, context) => flush(context) },
  FLUSHDB: { arity: -1, run: (_, context) => flush(context) },
};

function flush({ keyspace }: Context): Reply {
  keyspace.clear();
  return ok;
}

function remaining({ keyspace }: Context, key: Buffer, unitMs: number): Reply {
  if (keyspace.get(key) === undefined) return integer(-2);
  const expiresAt = keyspace.expiresAt(key);
  // redis-server rounds to the nearest unit: a key just set with EX 10 has a TTL of 10.
  return integer(expiresAt === undefined ? -1 : Math.round(Math.max(0, expiresAt - Date.now()) / unitMs));
}

function expire({ keyspace }: Context, key: Buffer, argument: Buffer, unitMs: number): Reply {
  const amount = readInteger(argument);
  if (amount === undefined) return NOT_AN_INTEGER;
  if (keyspace.get(key) === undefined) return integer(0);
  if (amount <= 0) keyspace.delete(key);
  else keyspace.setExpiry(key, Date.now() + amount * unitMs);
  return integer(1);
}

function scan([, from, ...options]: Buffer[], { keyspace }: Context): Reply {
  const cursor = readInteger(from);
  if (cursor === undefined || cursor < 0) return error('ERR invalid cursor');
  let pattern: string | undefined;
  let type: string | undefined;
  let count = 10;
  for (let index = 0; index < options.length; index += 2) {
    const argument = options[index + 1];
    const option = options[index]!.toString('latin1').toUpperCase();
    if (argument === undefined) return error('ERR syntax error');
    if (option === 'MATCH') pattern = argument.toString('latin1');
    else if (option === 'TYPE') type = argument.toString('latin1').toLowerCase();
    else if (option === 'COUNT') {
      const wanted = readInteger(argument);
      if (wanted === undefined) return NOT_AN_INTEGER;
      if (wanted < 1) return error('ERR syntax error');
      count = wanted;
    } else return error('ERR syntax error');
  }
  const page = keyspace.scan(cursor, count);
  const keys = page.keys
    .filter((key) => type === undefined || key.type === type)
    .filter((key) => pattern === undefined || matchesGlob(key.name, pattern));
  return array([bulk(String(page.cursor)), array(keys.map((key) => bulk(Buffer.from(key.name, 'latin1'))))]);
}
