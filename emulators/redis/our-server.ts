import { randomBytes } from 'node:crypto';
import { type Duplex, duplexPair } from 'node:stream';
import { refusalOf } from './cluster-node.ts';
import { makeCommandParser, ProtocolError } from './command-parser.ts';
import { connectionCommands } from './connection-commands.ts';
import { keyCommands } from './key-commands.ts';
import { makeKeyspace } from './keyspace.ts';
import { encodeReply, error, type Reply } from './reply.ts';
import type { Access, Context, Session } from './session.ts';
import { stringCommands } from './string-commands.ts';
import { enqueue, isQueued, transactionCommands } from './transaction-commands.ts';
import type { Upstream, UpstreamOptions } from './upstream.ts';

const COMMANDS = new Map(
  Object.entries({ ...stringCommands, ...keyCommands, ...connectionCommands, ...transactionCommands }),
);
const ALLOWED_BEFORE_AUTH = new Set(['AUTH', 'HELLO', 'QUIT']);

/** A Redis in this process, for machines without redis-server: strings, expiry, and the commands around them. */
export function startOurServer(options: UpstreamOptions): Upstream {
  const keyspace = makeKeyspace();
  const { cluster } = options;
  const runId = randomBytes(20).toString('hex');
  const open = new Set<Duplex>();
  const allowed = new Map<string, Set<string>>();
  if (options.password !== undefined) allowed.set('default', new Set([options.password]));
  let lastId = 0;
  const access: Access = {
    isRequired: options.password !== undefined || options.requiresUser,
    hasPassword: options.password !== undefined,
    // Without a password the default user takes any, as redis-server's `nopass`; unless it is switched off.
    check: (username, password) =>
      allowed.get(username)?.has(password) ?? (username === 'default' && !access.isRequired),
  };

  function serve(stream: Duplex): void {
    lastId += 1;
    const session: Session = {
      id: lastId,
      protocol: 2,
      user: undefined,
      name: '',
      isQuitting: false,
      queue: undefined,
    };
    const context: Context = { keyspace, session, access, clients: () => open.size, runId, cluster };
    let replies: Buffer[] = [];
    const parser = makeCommandParser(
      (args) => {
        if (!session.isQuitting) replies.push(...encodeReply(run(args, context), session.protocol));
      },
      () => !access.isRequired || session.user !== undefined,
    );
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    // The door reports why a connection broke; here it is only over.
    stream.on('error', () => stream.destroy());
    stream.on('end', () => stream.end());
    stream.on('drain', () => stream.resume());
    stream.on('data', (chunk: Buffer) => {
      replies = [];
      try {
        parser.push(chunk);
      } catch (failure) {
        if (!(failure instanceof ProtocolError)) throw failure;
        replies.push(...encodeReply(error(`ERR ${failure.message}`), session.protocol));
        session.isQuitting = true;
      }
      if (replies.length > 0 && !stream.write(Buffer.concat(replies))) stream.pause();
      if (session.isQuitting) stream.end();
    });
  }

  return {
    kind: 'ours',
    connect() {
      const [theirs, ours] = duplexPair();
      // The ends of a pair do not learn of each other's destruction by themselves.
      theirs.once('close', () => ours.destroy());
      serve(ours);
      return theirs;
    },
    async allowUser(username, password) {
      allowed.set(username, (allowed.get(username) ?? new Set()).add(password));
    },
    async forgetUser(username, password) {
      allowed.get(username)?.delete(password);
    },
    async forgetData() {
      keyspace.clear();
    },
    async close() {
      keyspace.close();
      for (const stream of open) stream.destroy();
    },
  };
}

function run(args: Buffer[], context: Context): Reply {
  const { session } = context;
  const name = args[0]!.toString().toUpperCase();
  const refusal = refusalOfCommand(name, args, context);
  if (refusal) {
    if (session.queue) session.queue.isSpoilt = true;
    return refusal;
  }
  const command = COMMANDS.get(name)!;
  return isQueued(name, session)
    ? enqueue(session, () => command.run(args, context))
    : command.run(args, context);
}

function refusalOfCommand(name: string, args: Buffer[], context: Context): Reply | undefined {
  const command = COMMANDS.get(name);
  if (command === undefined) {
    const beginning = args.slice(1, 21).map((argument) => `'${argument.toString().slice(0, 128)}'`);
    return error(
      `ERR unknown command '${args[0]!.toString().slice(0, 128)}', with args beginning with: ${beginning.join(' ')}`,
    );
  }
  const { arity } = command;
  if (arity < 0 ? args.length < -arity : args.length !== arity)
    return error(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
  if (context.access.isRequired && context.session.user === undefined && !ALLOWED_BEFORE_AUTH.has(name))
    return error('NOAUTH Authentication required.');
  return context.cluster && (name in stringCommands || name in keyCommands)
    ? refusalOf(name, args, context.cluster)
    : undefined;
}
