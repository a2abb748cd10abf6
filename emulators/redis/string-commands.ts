import type { Value } from './keyspace.ts';
import { array, bulk, error, integer, nil, ok, type Reply } from './reply.ts';
import type { Command, Context } from './session.ts';

export const WRONG_TYPE = error('WRONGTYPE Operation against a key holding the wrong kind of value');
const SYNTAX = error('ERR syntax error');
export const NOT_AN_INTEGER = error('ERR value is not an integer or out of range');

/** The commands on values. Their answers, errors included, are redis-server's word for word. */
export const stringCommands: Record<string, Command> = {
  GET: { arity: 2, run: ([, key], context) => onString(context, key!, (bytes) => bulk(bytes), nil) },
  STRLEN: {
    arity: 2,
    run: ([, key], context) => onString(context, key!, (bytes) => integer(bytes.length), integer(0)),
  },
  GETRANGE: { arity: 4, run: getRange },
  MGET: {
    arity: -2,
    run: ([, ...keys], { keyspace }) =>
      array(
        keys.map((key) => {
          const value = keyspace.get(key);
          return value?.type === 'string' ? bulk(value.bytes) : nil;
        }),
      ),
  },
  SET: { arity: -3, run: set },
  SETNX: {
    arity: 3,
    run: ([, key, bytes], { keyspace }) => {
      if (keyspace.get(key!) !== undefined) return integer(0);
      keyspace.set(key!, stringValue(bytes!), undefined);
      return integer(1);
    },
  },
  MSET: {
    arity: -3,
    run([, ...pairs], { keyspace }) {
      if (pairs.length % 2 === 1) return error("ERR wrong number of arguments for 'mset' command");
      for (let index = 0; index < pairs.length; index += 2)
        keyspace.set(pairs[index]!, stringValue(pairs[index + 1]!), undefined);
      return ok;
    },
  },
  SETEX: { arity: 4, run: setExpiring },
  APPEND: {
    arity: 3,
    run([, key, addition], { keyspace }) {
      const value = keyspace.get(key!);
      if (value?.type === 'list') return WRONG_TYPE;
      const bytes = Buffer.concat([value?.bytes ?? Buffer.alloc(0), addition!]);
      keyspace.set(key!, { type: 'string', bytes }, keyspace.expiresAt(key!));
      return integer(bytes.length);
    },
  },
  LPUSH: { arity: -3, run: ([, key, ...items], context) => push(context, key!, items, 'head') },
  RPUSH: { arity: -3, run: ([, key, ...items], context) => push(context, key!, items, 'tail') },
  LLEN: {
    arity: 2,
    run([, key], { keyspace }) {
      const value = keyspace.get(key!);
      return value?.type === 'string' ? WRONG_TYPE : integer(value?.items.length ?? 0);
    },
  },
};

/** The integer that the argument spells; undefined if it spells none. */
export function readInteger(argument: Buffer | undefined): number | undefined {
  const text = argument?.toString('latin1') ?? '';
  // Strict as redis-server is: no sign but a minus, no zeros in front.
  return /^(0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined;
}

function onString(
  { keyspace }: Context,
  key: Buffer,
  found: (bytes: Buffer) => Reply,
  missing: Reply,
): Reply {
  const value = keyspace.get(key);
  if (value === undefined) return missing;
  return value.type === 'string' ? found(value.bytes) : WRONG_TYPE;
}

/** An offset of 64 bits. What is beyond the exact numbers is beyond every string too, so it need not be exact. */
function readOffset(argument: Buffer): number | undefined {
  const text = argument.toString('latin1');
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return undefined;
  return BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? Number(text) : undefined;
}

function getRange([, key, from, to]: Buffer[], context: Context): Reply {
  const [start, end] = [readOffset(from!), readOffset(to!)];
  if (start === undefined || end === undefined) return NOT_AN_INTEGER;
  const part = (bytes: Buffer): Reply => {
    // Both behind the end and crossed: nothing, where clamping them to 0 would give the first byte.
    if (start < 0 && end < 0 && start > end) return bulk('');
    const fromStart = (offset: number): number => Math.max(0, offset < 0 ? bytes.length + offset : offset);
    return bulk(bytes.subarray(fromStart(start), Math.min(fromStart(end), bytes.length - 1) + 1));
  };
  return onString(context, key!, part, bulk(''));
}

// A value is copied: what comes from the parser may be a small piece of a large network buffer.
const stringValue = (bytes: Buffer): Value => ({ type: 'string', bytes: Buffer.from(bytes) });

function set([, key, bytes, ...options]: Buffer[], { keyspace }: Context): Reply {
  let expiresAt: number | undefined;
  let keepsExpiry = false;
  let condition: 'NX' | 'XX' | undefined;
  for (let index = 0; index < options.length; index += 1) {
    const option = options[index]!.toString('latin1').toUpperCase();
    if ((option === 'EX' || option === 'PX') && expiresAt === undefined && !keepsExpiry) {
      index += 1;
      if (options[index] === undefined) return SYNTAX;
      const amount = readInteger(options[index]);
      if (amount === undefined) return NOT_AN_INTEGER;
      if (amount <= 0) return error("ERR invalid expire time in 'set' command");
      expiresAt = Date.now() + amount * (option === 'EX' ? 1000 : 1);
    } else if ((option === 'NX' || option === 'XX') && (condition ?? option) === option) condition = option;
    else if (option === 'KEEPTTL' && expiresAt === undefined) keepsExpiry = true;
    else return SYNTAX;
  }
  const exists = keyspace.get(key!) !== undefined;
  if ((condition === 'NX' && exists) || (condition === 'XX' && !exists)) return nil;
  keyspace.set(key!, stringValue(bytes!), keepsExpiry ? keyspace.expiresAt(key!) : expiresAt);
  return ok;
}

function setExpiring([, key, seconds, bytes]: Buffer[], { keyspace }: Context): Reply {
  const amount = readInteger(seconds);
  if (amount === undefined) return NOT_AN_INTEGER;
  if (amount <= 0) return error("ERR invalid expire time in 'setex' command");
  keyspace.set(key!, stringValue(bytes!), Date.now() + amount * 1000);
  return ok;
}

function push({ keyspace }: Context, key: Buffer, items: Buffer[], end: 'head' | 'tail'): Reply {
  const value = keyspace.get(key);
  if (value?.type === 'string') return WRONG_TYPE;
  const before = value?.items ?? [];
  const after = end === 'tail' ? [...before, ...items] : [...items.toReversed(), ...before];
  keyspace.set(key, { type: 'list', items: after }, keyspace.expiresAt(key));
  return integer(after.length);
}
