import { clusterCommand } from './cluster-node.ts';
import { array, bulk, error, integer, nil, ok, type Reply, simple } from './reply.ts';
import type { Command, Context } from './session.ts';
import { readInteger } from './string-commands.ts';

/** The release whose behaviour is copied, and which INFO and HELLO name. */
const VERSION = '7.0.15';
const WRONG_PASSWORD = error('WRONGPASS invalid username-password pair or user is disabled.');

/** The commands about the connection and the server. */
export const connectionCommands: Record<string, Command> = {
  AUTH: { arity: -2, run: authenticate },
  HELLO: { arity: -1, run: hello },
  PING: { arity: -1, run: ([, message]) => (message ? bulk(message) : simple('PONG')) },
  ECHO: { arity: 2, run: ([, message]) => bulk(message!) },
  QUIT: {
    arity: -1,
    run(_, { session }) {
      session.isQuitting = true;
      return ok;
    },
  },
  SELECT: {
    arity: 2,
    run: ([, index]) => (readInteger(index) === 0 ? ok : error('ERR DB index is out of range')),
  },
  CLIENT: { arity: -2, run: client },
  ACL: {
    arity: -2,
    run: ([, subcommand], { session }) =>
      subcommand!.toString().toUpperCase() === 'WHOAMI'
        ? bulk(session.user ?? 'default')
        : unknownSubcommand('ACL', subcommand!),
  },
  COMMAND: { arity: -1, run: () => array([]) },
  CLUSTER: {
    arity: -2,
    run: (args, { cluster }) =>
      cluster ? clusterCommand(args, cluster) : error('ERR This instance has cluster support disabled'),
  },
  INFO: { arity: -1, run: info },
};

const unknownSubcommand = (command: string, subcommand: Buffer): Reply =>
  error(`ERR unknown subcommand '${subcommand.toString().slice(0, 128)}'. Try ${command} HELP.`);

function authenticate(args: Buffer[], { access, session }: Context): Reply {
  if (args.length > 3) return error('ERR syntax error');
  if (args.length === 2 && !access.hasPassword)
    return error(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    );
  const username = args.length === 2 ? 'default' : args[1]!.toString();
  if (!access.check(username, args.at(-1)!.toString())) return WRONG_PASSWORD;
  session.user = username;
  return ok;
}

function hello([, version, ...options]: Buffer[], { access, session, cluster }: Context): Reply {
  const protocol = version === undefined ? session.protocol : readInteger(version);
  if (protocol === undefined) return error('ERR Protocol version is not an integer or out of range');
  if (protocol !== 2 && protocol !== 3) return error('NOPROTO unsupported protocol version');
  let user = session.user;
  let name = session.name;
  for (let index = 0; index < options.length; ) {
    const option = options[index]!.toString().toUpperCase();
    if (option === 'AUTH' && index + 2 < options.length) {
      user = options[index + 1]!.toString();
      if (!access.check(user, options[index + 2]!.toString())) return WRONG_PASSWORD;
      index += 3;
    } else if (option === 'SETNAME' && index + 1 < options.length) {
      name = options[index + 1]!.toString();
      index += 2;
    } else return error(`ERR Syntax error in HELLO option '${option.toLowerCase().slice(0, 128)}'`);
  }
  if (access.isRequired && user === undefined)
    return error(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    );
  Object.assign(session, { user, name, protocol });
  return {
    kind: 'map',
    entries: [
      [bulk('server'), bulk('redis')],
      [bulk('version'), bulk(VERSION)],
      [bulk('proto'), integer(protocol)],
      [bulk('id'), integer(session.id)],
      [bulk('mode'), bulk(cluster ? 'cluster' : 'standalone')],
      [bulk('role'), bulk('master')],
      [bulk('modules'), array([])],
    ],
  };
}

function client([, subcommand, ...rest]: Buffer[], { session }: Context): Reply {
  switch (subcommand!.toString().toUpperCase()) {
    case 'ID':
      return integer(session.id);
    case 'SETNAME':
      session.name = rest[0]?.toString() ?? '';
      return ok;
    case 'GETNAME':
      return session.name === '' ? nil : bulk(session.name);
    case 'SETINFO':
      return ok;
    default:
      return unknownSubcommand('CLIENT', subcommand!);
  }
}

function info([, ...wanted]: Buffer[], { clients, keyspace, runId, cluster }: Context): Reply {
  const sections: Record<string, string[]> = {
    Server: [
      `redis_version:${VERSION}`,
      `redis_mode:${cluster ? 'cluster' : 'standalone'}`,
      `run_id:${runId}`,
    ],
    Clients: [`connected_clients:${clients()}`],
    Persistence: ['loading:0'],
    Replication: ['role:master', 'connected_slaves:0'],
    Cluster: [`cluster_enabled:${cluster ? 1 : 0}`],
    Keyspace: keyspace.size() === 0 ? [] : [`db0:keys=${keyspace.size()}`],
  };
  const names = wanted.map((name) => name.toString().toLowerCase());
  const isAll = names.length === 0 || names.some((name) => ['all', 'default', 'everything'].includes(name));
  return bulk(
    Object.entries(sections)
      .filter(([name]) => isAll || names.includes(name.toLowerCase()))
      .map(([name, lines]) => [`# ${name}`, ...lines, ''].join('\r\n'))
      .join('\r\n'),
  );
}
