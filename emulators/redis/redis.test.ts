import { DefaultAzureCredential } from '@azure/identity';
import { createClient, RESP_TYPES, type RedisClientOptions } from '@redis/client';
import { EntraIdCredentialsProviderFactory, REDIS_SCOPE_DEFAULT } from '@redis/entraid';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeCertificate } from '../certificate.ts';
import { type EntraEmulator, startEntra } from '../entra/index.ts';
import { findRedisServer, type RedisEmulator, type RedisOptions, startRedis } from './index.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
  vi.unstubAllEnvs();
});

// One for all: the identity library remembers tokens for as long as the process lives, whoever issued them.
let entra: EntraEmulator;
beforeAll(async () => {
  entra = await startEntra();
});
afterAll(() => entra.close());

const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 30_000, interval: 5 });

async function connect(options: RedisClientOptions) {
  const client = createClient({ disableOfflineQueue: true, ...options });
  const errors: Error[] = [];
  client.on('error', (error: Error) => errors.push(error));
  cleanUp.push(() => client.destroy());
  await client.connect();
  return Object.assign(client, { errors });
}

// New objects each time: the client writes the address into what it is given.
const noRetry = () => ({ reconnectStrategy: false as const });
const fast = () => ({ reconnectStrategy: () => 10 });

for (const server of ['ours', 'real'] as const) {
  const isAbsent = server === 'real' && findRedisServer() === undefined;
  const title = server === 'ours' ? 'our server' : 'redis-server';

  describe.skipIf(isAbsent)(isAbsent ? `${title} (not on the PATH)` : title, () => {
    async function start(options: RedisOptions = {}): Promise<RedisEmulator> {
      const redis = await startRedis({ server, ...options });
      cleanUp.push(() => redis.close());
      return redis;
    }
    async function setUp(options: RedisOptions = {}) {
      const redis = await start(options);
      return { redis, client: await connect({ url: redis.url, socket: fast() }) };
    }

    describe('values', () => {
      test.each([2, 3] as const)('are kept as they came, in RESP%i', async (RESP) => {
        const redis = await start();
        const client = (await connect({ url: redis.url, RESP } as RedisClientOptions)).withTypeMapping({
          [RESP_TYPES.BLOB_STRING]: Buffer,
        });
        const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
        await client.set('session:ä\r\n', bytes);
        expect(await client.get('session:ä\r\n')).toEqual(bytes);
        expect(await client.get('other')).toBeNull();
        expect(await client.mGet(['session:ä\r\n', 'other'])).toEqual([bytes, null]);
        expect(await client.strLen('session:ä\r\n')).toBe(300_000);
        expect(await client.append('session:ä\r\n', 'x')).toBe(300_001);
      });

      test('are set under conditions', async () => {
        const { client } = await setUp();
        expect(await client.set('a', '1', { condition: 'XX' })).toBeNull();
        expect(await client.set('a', '1', { condition: 'NX' })).toBe('OK');
        expect(await client.set('a', '2', { condition: 'NX' })).toBeNull();
        expect(await client.set('a', '3', { condition: 'XX' })).toBe('OK');
        expect(await client.get('a')).toBe('3');
        await expect(client.sendCommand(['SET', 'a', '1', 'NX', 'XX'])).rejects.toThrow('ERR syntax error');
        await expect(client.sendCommand(['SET', 'a', '1', 'EX', 'x'])).rejects.toThrow('not an integer');
        await expect(client.setEx('a', 0, '1')).rejects.toThrow('invalid expire time');
      });

      test('are set together, and found by their names', async () => {
        const { client } = await setUp();
        expect(await client.mSet({ 'session:a': '1', 'session:b': '2', c: '3' })).toBe('OK');
        expect((await client.keys('session:*')).sort()).toEqual(['session:a', 'session:b']);
        expect([await client.setNX('c', '4'), await client.setNX('d', '4')]).toEqual([0, 1]);
        expect(await client.mGet(['c', 'd'])).toEqual(['3', '4']);
        await expect(client.sendCommand(['MSET', 'a', '1', 'b'])).rejects.toThrow(
          'wrong number of arguments',
        );
      });

      test('change in a transaction, all or nothing', async () => {
        const { client } = await setUp();
        expect(await client.multi().set('a', '1').expire('a', 100).get('a').exec()).toEqual(['OK', 1, '1']);
        await expect(
          client.multi().set('a', '2').addCommand(['NONSENSE']).set('a', '3').exec(),
        ).rejects.toThrow(/NONSENSE|EXECABORT|error/i);
        expect(await client.get('a')).toBe('1');
        for (const [words, told] of [
          [['EXEC'], 'ERR EXEC without MULTI'],
          [['DISCARD'], 'ERR DISCARD without MULTI'],
        ] as const)
          await expect(client.sendCommand([...words])).rejects.toThrow(told);
        const said = ['MULTI', 'SET a 4', 'MULTI', 'DISCARD', 'GET a'].map((line) =>
          client.sendCommand(line.split(' ')).catch((error: Error) => error.message),
        );
        expect(await Promise.all(said)).toEqual([
          ...['OK', 'QUEUED', 'ERR MULTI calls can not be nested', 'OK', '1'],
        ]);
      });

      test('expire', async () => {
        const { client } = await setUp();
        await client.set('short', '1', { expiration: { type: 'PX', value: 60 } });
        await client.setEx('day', 86_400, '1');
        await client.set('forever', '1');
        expect(await client.ttl('day')).toBe(86_400);
        expect(await client.pTTL('day')).toBeGreaterThan(86_300_000);
        expect(await client.ttl('forever')).toBe(-1);
        expect(await client.ttl('nowhere')).toBe(-2);
        await client.set('day', '2', { expiration: 'KEEPTTL' });
        expect(await client.ttl('day')).toBe(86_400);
        await client.set('day', '3');
        expect(await client.ttl('day')).toBe(-1);
        expect(await client.expire('forever', 10)).toBe(1);
        expect(await client.ttl('forever')).toBe(10);
        await eventually(async () => expect(await client.get('short')).toBeNull());
        await eventually(async () => expect(await client.dbSize()).toBe(2));
        expect(await client.exists(['short', 'day', 'day'])).toBe(2);
      });

      test('of another type are refused, so that a conversation under a wrong type can be tried', async () => {
        const { client } = await setUp();
        await client.rPush('list', ['b', 'c']);
        expect(await client.lPush('list', 'a')).toBe(3);
        expect(await client.lLen('list')).toBe(3);
        expect(await client.type('list')).toBe('list');
        await expect(client.get('list')).rejects.toThrow(/^WRONGTYPE/);
        expect(await client.mGet(['list'])).toEqual([null]);
        expect(await client.set('list', 'now a string')).toBe('OK');
        expect(await client.type('list')).toBe('string');
      });

      test('are found by scanning, each key that stays once, while others come and go', async () => {
        const { client } = await setUp();
        const names = Array.from({ length: 100 }, (_, index) => `session:${index}`);
        for (const name of names) await client.set(name, '1');
        await client.rPush('session:list', 'x');
        const found = new Set<string>();
        for await (const keys of client.scanIterator({ MATCH: 'session:[0-9]*', COUNT: 7, TYPE: 'string' })) {
          for (const key of keys) found.add(key);
          if (found.size > 30) await client.del(['session:0', 'session:1']);
          await client.set(`other:${found.size}`, '1');
        }
        expect([...found]).toEqual(expect.arrayContaining(names.slice(2)));
        expect(found).not.toContain('session:list');
        expect(await client.flushAll()).toBe('OK');
        expect(await client.dbSize()).toBe(0);
      });

      test('go back and forth in a pipeline of hundreds, each answer to its question', async () => {
        const { redis, client } = await setUp();
        await Promise.all(Array.from({ length: 500 }, (_, index) => client.set(`k${index}`, `v${index}`)));
        const values = await Promise.all(Array.from({ length: 500 }, (_, index) => client.get(`k${index}`)));
        expect(values).toEqual(Array.from({ length: 500 }, (_, index) => `v${index}`));
        const { commands, concurrentPeak, connections, bytesIn, bytesOut } = redis.counters();
        expect(commands).toMatchObject({ SET: 500, GET: 500 });
        expect(concurrentPeak).toBeGreaterThan(10);
        expect(connections).toBe(1);
        expect(bytesIn).toBeGreaterThan(15_000);
        expect(bytesOut).toBeGreaterThan(5_000);
        redis.resetCounters();
        expect(redis.counters()).toMatchObject({ commands: {}, connections: 0, concurrentPeak: 0 });
      });
    });

    test('tells a client what it needs to know of a single node', async () => {
      const { client } = await setUp();
      expect(await client.ping()).toBe('PONG');
      expect(await client.info('cluster')).toContain('cluster_enabled:0');
      expect(await client.info()).toContain('redis_version:');
      await expect(client.sendCommand(['CLUSTER', 'INFO'])).rejects.toThrow('cluster support disabled');
      await client.clientSetName('worker');
      expect(await client.clientGetName()).toBe('worker');
      expect(await client.clientId()).toBeGreaterThan(0);
      await expect(client.sendCommand(['NOSUCH', 'thing'])).rejects.toThrow("ERR unknown command 'NOSUCH'");
      await expect(client.sendCommand(['GET'])).rejects.toThrow('wrong number of arguments');
    });

    describe('access', () => {
      test('without the password is refused', async () => {
        const redis = await start({ password: 'secret' });
        const socket = { host: redis.host, port: redis.port, ...noRetry() };
        await expect(connect({ socket })).rejects.toThrow('NOAUTH');
        await expect(connect({ socket, password: 'wrong' })).rejects.toThrow('WRONGPASS');
        const client = await connect({ url: redis.url });
        expect(await client.ping()).toBe('PONG');
      });

      test('for a user that was let in later', async () => {
        const redis = await start({ password: 'secret' });
        await redis.act('allowUser', { username: 'app', password: 'token' });
        const client = await connect({
          socket: { host: redis.host, port: redis.port, ...noRetry() },
          username: 'app',
          password: 'token',
        });
        expect(await client.sendCommand(['ACL', 'WHOAMI'])).toBe('app');
        expect(await client.set('a', '1')).toBe('OK');
      });

      test("with Entra ID's token, renewed on the same connection; TLS by the certificate as `ca`", async () => {
        for (const [name, value] of Object.entries(entra.environment)) vi.stubEnv(name, value);
        const { key, cert } = await makeCertificate();
        const redis = await start({
          tls: { key, cert },
          authorize: (username, token) =>
            username === entra.objectId && entra.verify(token, 'https://redis.azure.com'),
        });
        const socket = {
          host: 'localhost',
          port: redis.tlsPort!,
          tls: true as const,
          ca: cert,
          ...noRetry(),
        };
        const credential = new DefaultAzureCredential();
        const client = await connect({
          socket,
          credentialsProvider: EntraIdCredentialsProviderFactory.createForDefaultAzureCredential({
            credential,
            scopes: REDIS_SCOPE_DEFAULT,
            // A ratio this small renews at once, and again whenever it is asked to.
            tokenManagerConfig: { expirationRefreshRatio: 0.000_002 },
          }),
        });
        expect(await client.sendCommand(['ACL', 'WHOAMI'])).toBe(entra.objectId);
        await eventually(() => expect(redis.counters().commands.AUTH).toBeGreaterThan(0));
        expect(await client.set('a', '1')).toBe('OK');
        expect(redis.counters().connections).toBe(1);
        expect(client.errors).toEqual([]);

        const stranger = (password: string) => connect({ socket, username: entra.objectId, password });
        await expect(stranger(entra.issue('https://cosmos.azure.com'))).rejects.toThrow('WRONGPASS');
        const token = entra.issue('https://redis.azure.com');
        await expect(stranger(`${token.slice(0, -2)}xx`)).rejects.toThrow('WRONGPASS');
        await expect(connect({ socket })).rejects.toThrow('NOAUTH');
        const distrustful = { ...socket, ca: (await makeCertificate()).cert };
        await expect(connect({ socket: distrustful })).rejects.toThrow(/certificate/i);
      });

      test('with a token that has expired meanwhile is refused', async () => {
        let isGood = true;
        const redis = await start({ authorize: () => isGood });
        const user = {
          socket: { host: redis.host, port: redis.port, ...noRetry() },
          username: 'u',
          password: 't',
        };
        const early = await connect(user);
        isGood = false;
        await expect(connect(user)).rejects.toThrow('WRONGPASS');
        expect(await early.ping()).toBe('PONG');
      });
    });

    describe('faults', () => {
      test('latency delays every command, and commands side by side only once', async () => {
        const { redis, client } = await setUp({ latencyMs: 120 });
        redis.setFaults({ latencyMs: 400 });
        const started = performance.now();
        await Promise.all([client.get('a'), client.get('b'), client.get('c')]);
        expect(performance.now() - started).toBeGreaterThanOrEqual(399);
        // One after another they would take 1,200.
        expect(performance.now() - started).toBeLessThan(1_150);
      });

      test('a frozen server takes connections and commands and answers none, until it thaws', async () => {
        const { redis, client } = await setUp();
        redis.setFaults({ freeze: true });
        const answers: unknown[] = [];
        const pending = client.set('a', '1').then((answer) => answers.push(answer));
        const joining = connect({ url: redis.url });
        await eventually(() => expect(redis.counters().connections).toBe(2));
        await eventually(() => expect(redis.counters().commands.SET).toBe(1));
        expect(answers).toEqual([]);
        redis.setFaults({ freeze: false });
        await pending;
        expect(await (await joining).get('a')).toBe('1');
      });

      test('connections are refused, those that stood are cut, and all is as before when it is over', async () => {
        const { redis, client } = await setUp();
        await client.set('a', '1');
        await redis.setFaults({ refuseConnections: true });
        await expect(connect({ url: redis.url, socket: noRetry() })).rejects.toThrow('ECONNREFUSED');
        await expect(client.get('a')).rejects.toThrow();
        await redis.setFaults({ refuseConnections: false });
        await eventually(async () => expect(await client.get('a')).toBe('1'));
      });

      test('connections are dropped, and the client comes back to its data', async () => {
        const { redis, client } = await setUp();
        await client.set('a', '1');
        await redis.act('dropConnections');
        await eventually(() => expect(client.errors.length).toBeGreaterThan(0));
        await eventually(async () => expect(await client.get('a')).toBe('1'));
        expect(redis.counters().connections).toBe(2);
      });

      test('a restart is an absence; the data is lost only if that is asked for', async () => {
        const { redis, client } = await setUp();
        await client.set('a', '1');
        const restart = redis.act('restart', { downMs: 100 });
        await eventually(() =>
          expect(client.errors.map(({ message }) => message).join()).toContain('ECONNREFUSED'),
        );
        await restart;
        await eventually(async () => expect(await client.get('a')).toBe('1'));
        await redis.act('restart', { loseData: true });
        await eventually(async () => expect(await client.get('a')).toBeNull());
      });

      test('a restart lasts as long as the longest of several, whatever faults are set meanwhile', async () => {
        const { redis } = await setUp();
        const started = performance.now();
        const restarts = [redis.act('restart', { downMs: 300 }), redis.act('restart', { downMs: 10 })];
        await redis.setFaults({ latencyMs: 0 });
        await expect(connect({ url: redis.url, socket: noRetry() })).rejects.toThrow('ECONNREFUSED');
        await Promise.all(restarts);
        expect(performance.now() - started).toBeGreaterThan(295);
        await connect({ url: redis.url, socket: noRetry() });
      });

      test('one key is poisoned, in the middle of a pipeline too', async () => {
        const { redis, client } = await setUp();
        const value = 'x'.repeat(200_000);
        for (const key of ['a', 'b', 'c']) await client.set(key, `${key}${value}`);
        redis.setFaults({ failKeys: ['b'] });
        const [a, b, c] = await Promise.allSettled(['a', 'b', 'c'].map((key) => client.get(key)));
        expect(a).toEqual({ status: 'fulfilled', value: `a${value}` });
        expect(b).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('ERR') } });
        expect(c).toEqual({ status: 'fulfilled', value: `c${value}` });
        redis.setFaults({ failKeys: [] });
        expect(await client.get('b')).toBe(`b${value}`);
      });

      test('one key is poisoned for every kind of read', async () => {
        const { redis, client } = await setUp();
        for (const key of ['a', 'b']) await client.set(key, 'value');
        redis.setFaults({ failKeys: ['b'] });
        const reads = (key: string) => [
          client.get(key),
          client.getRange(key, 0, 2),
          client.strLen(key),
          client.exists(key),
          client.mGet(['a', key]),
        ];
        for (const { status } of await Promise.allSettled(reads('b'))) expect(status).toBe('rejected');
        expect(await Promise.all(reads('a'))).toEqual(['value', 'val', 5, 1, ['value', 'value']]);
        expect(await client.type('b')).toBe('string');
      });

      test('every nth read is answered with LOADING, on all connections together, and nothing else is', async () => {
        const { redis, client } = await setUp();
        const other = await connect({ url: redis.url });
        await client.set('a', 'value');
        await client.get('a');
        redis.setFaults({ failEvery: 3 });
        const outcome = (reading: Promise<unknown>) => reading.catch(({ message }: Error) => message);
        const outcomes: unknown[] = [];
        for (const reading of [
          () => client.get('a'),
          () => client.set('b', '1'),
          () => other.getRange('a', 0, 0),
          () => client.strLen('a'),
          () => client.ping(),
          () => other.get('a'),
          () => client.get('a'),
          () => client.getRange('a', 1, 1),
        ])
          outcomes.push(await outcome(reading()));
        const loading = 'LOADING Redis is loading the dataset in memory';
        expect(outcomes).toEqual(['value', 'OK', 'v', loading, 'PONG', 'value', 'value', loading]);
        const piped = await Promise.all(Array.from({ length: 6 }, () => outcome(client.get('a'))));
        expect(piped).toEqual(['value', 'value', loading, 'value', 'value', loading]);
        redis.setFaults({ failEvery: null });
        expect(await Promise.all([client.get('a'), client.get('a'), client.get('a')])).not.toContain(loading);
        expect(() => redis.setFaults({ failEvery: 0 })).toThrow(/failEvery/);
      });

      test('that do not exist are refused, with those that do', async () => {
        const redis = await start();
        expect(() => redis.setFaults({ latency: 1 } as object)).toThrow(/latency.*latencyMs.*failKeys/);
        expect(() => redis.act('explode')).toThrow(/explode.*dropConnections.*restart/);
        expect(() => redis.act('restart', { downMs: 'long' })).toThrow(/downMs/);
        expect(redis.faults()).toMatchObject({ latencyMs: 0, freeze: false });
      });
    });
  });
}
