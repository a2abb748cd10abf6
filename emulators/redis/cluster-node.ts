import { array, bulk, error, integer, type Reply } from './reply.ts';

export const SLOTS = 16_384;

/** A master of a cluster and the slots that are its own. */
export type ClusterNode = {
  /** 40 hexadecimal digits. */
  id: string;
  /** Where clients reach it, once it listens. */
  address: { host: string; port: number };
  first: number;
  last: number;
};

/** What a node knows of its cluster. */
export type ClusterView = { self: ClusterNode; all: readonly ClusterNode[] };

/** The commands of which every argument is a key; of MSET every other is; of the rest that name any, the first. */
const ALL_ARE_KEYS = new Set(['DEL', 'UNLINK', 'EXISTS', 'MGET']);
const WITHOUT_KEYS = new Set(['SCAN', 'KEYS', 'DBSIZE', 'FLUSHALL', 'FLUSHDB']);

/** Why this node does not carry out a command on keys, in redis-server's words; undefined where it does. */
export function refusalOf(
  name: string,
  [, ...args]: Buffer[],
  { self, all }: ClusterView,
): Reply | undefined {
  if (WITHOUT_KEYS.has(name)) return undefined;
  const slots = new Set(keysOf(name, args).map(slotOf));
  if (slots.size > 1) return error("CROSSSLOT Keys in request don't hash to the same slot");
  const [slot] = slots;
  if (slot === undefined || (slot >= self.first && slot <= self.last)) return undefined;
  const { host, port } = all.find(({ first, last }) => slot >= first && slot <= last)!.address;
  return error(`MOVED ${slot} ${host}:${port}`);
}

function keysOf(name: string, args: Buffer[]): Buffer[] {
  if (name === 'MSET') return args.filter((_, index) => index % 2 === 0);
  return ALL_ARE_KEYS.has(name) ? args : args.slice(0, 1);
}

/** CLUSTER, as far as clients need it to find their way. */
export function clusterCommand([, subcommand, ...rest]: Buffer[], { self, all }: ClusterView): Reply {
  switch (subcommand!.toString().toUpperCase()) {
    case 'INFO':
      return bulk(
        `cluster_enabled:1\r\ncluster_state:ok\r\ncluster_slots_assigned:${SLOTS}\r\ncluster_known_nodes:${all.length}\r\ncluster_size:${all.length}\r\n`,
      );
    case 'MYID':
      return bulk(self.id);
    case 'KEYSLOT':
      return rest[0] ? integer(slotOf(rest[0])) : error('ERR wrong number of arguments');
    case 'SLOTS':
      return array(
        all.map(({ id, address: { host, port }, first, last }) =>
          array([integer(first), integer(last), array([bulk(host), integer(port), bulk(id), array([])])]),
        ),
      );
    default:
      return error(`ERR unknown subcommand '${subcommand!.toString().slice(0, 128)}'. Try CLUSTER HELP.`);
  }
}

/** The slot of a key: of what stands between its first braces, if anything does (redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec). */
export function slotOf(key: Buffer): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return crc16(close > open + 1 ? key.subarray(open + 1, close) : key) % SLOTS;
}

/** CRC-16/XMODEM. */
function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}
