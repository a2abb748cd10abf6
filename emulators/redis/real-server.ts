import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askRedis } from './ask-redis.ts';
import type { Upstream, UpstreamOptions } from './upstream.ts';

const START_DEADLINE_MS = 10_000;
const ADMIN = 'emulator';

/**
 * Runs redis-server for as long as standard input is open. The kernel closes that however this process ends, so no
 * server outlives it; and since the shell leads a session of its own, Ctrl-C does not take Redis away from a worker that
 * is still draining. The configuration comes by the environment, not by arguments that any user's `ps` shows.
 */
const SCRIPT = `
printf '%s' "$REDIS_CONFIGURATION" | "$REDIS_PROGRAM" - &
child=$!
cat > /dev/null
kill -KILL "$child"
wait "$child" 2> /dev/null
rm -rf "$REDIS_FOLDER"
`;

/** The path of redis-server, if it is on the PATH. */
export function findRedisServer(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, 'redis-server')).find(isExecutable);
}

/**
 * Starts a redis-server of its own that keeps nothing on disk and listens on a socket in a private folder: no port that
 * another process could take in between, and no way in but the door.
 * @throws Error with what redis-server wrote, if it does not come up
 */
export async function startRealServer(program: string, options: UpstreamOptions): Promise<Upstream> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const path = join(folder, 'redis.sock');
  const secret = randomBytes(24).toString('hex');
  const server = spawn('sh', ['-c', SCRIPT], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: {
      PATH: process.env.PATH,
      REDIS_PROGRAM: program,
      REDIS_FOLDER: folder,
      REDIS_CONFIGURATION: configuration(folder, path, secret, options),
    },
  });
  const connect = () => connectSocket(path);
  const ask = (...args: string[]) => askRedis(connect(), { username: ADMIN, password: secret }, args);
  try {
    await untilReady(server, () => ask('PING'));
  } catch (error) {
    await stop(server);
    throw error;
  }
  const granted = new Set<string>();
  return {
    kind: 'redis-server',
    connect,
    async allowUser(username, password) {
      await ask('ACL', 'SETUSER', username, 'on', `>${password}`, '~*', '&*', '+@all');
      granted.add(`${username}\n${password}`);
    },
    async forgetUser(username, password) {
      if (granted.delete(`${username}\n${password}`)) await ask('ACL', 'SETUSER', username, `<${password}`);
    },
    async forgetData() {
      await ask('FLUSHALL');
    },
    close: () => stop(server),
  };
}

function configuration(folder: string, path: string, secret: string, options: UpstreamOptions): string {
  const lines = [
    'port 0',
    `unixsocket ${path}`,
    'unixsocketperm 700',
    `dir ${folder}`,
    'save ""',
    'appendonly no',
    'daemonize no',
    `user ${ADMIN} on >${secret} ~* &* +@all`,
  ];
  if (options.password !== undefined) {
    if (/[\s"\\]/.test(options.password)) throw new Error('a Redis password may not hold blanks or quotes');
    lines.push(`requirepass "${options.password}"`);
  } else if (options.requiresUser) lines.push('user default off');
  return `${lines.join('\n')}\n`;
}

async function untilReady(server: ChildProcess, ping: () => Promise<string>): Promise<void> {
  let output = '';
  const keep = (chunk: Buffer) => {
    output = `${output}${chunk}`.slice(-2_000);
  };
  server.stdout?.on('data', keep);
  server.stderr?.on('data', keep);
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    try {
      await ping();
      return;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`redis-server did not come up: ${output.trim()}`, { cause: error });
      await sleep(10);
    }
  }
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.stdin?.end();
  await exited;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not here: the next folder of the PATH may have it.
    return false;
  }
}
