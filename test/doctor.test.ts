import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CosmosClient } from '@azure/cosmos';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type CosmosOptions, startCosmos } from '../emulators/cosmos/index.ts';
import { startRedis } from '../emulators/redis/index.ts';
import { INDEXING } from '../src/operations/az.ts';
import { resultOf, runCommand } from './command.ts';
import { runHere } from './command-here.ts';
import { openManagementDoor } from './management-door.ts';
import { setTheScene } from './setting.ts';

type Line = { service: string; name: string; status: string; found: string; mend?: string };

/** What Node, or a library, reads once in a process, and not from what we hand on. */
const READ_ONCE = ['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS', 'IDENTITY_ENDPOINT'];

/** What `doctor` finds; in a process of its own where it must be, or shall be. */
async function diagnose(
  environment: Record<string, string>,
  { apart = READ_ONCE.some((name) => name in environment) } = {},
) {
  const ended = await (apart ? runCommand : runHere)(environment, ['doctor', '--json']);
  const { checks, ...sums } = resultOf(ended) as { checks: Line[]; ok: boolean };
  return {
    code: ended.code,
    output: ended.stdout + ended.stderr,
    sums,
    checks,
    line: (service: string, name: string) =>
      checks.find((check) => check.service === service && check.name === name),
    faults: () =>
      checks.filter(({ status }) => status === 'failure').map(({ service, name }) => `${service}: ${name}`),
  };
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'doctor-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

async function openCosmos(options: CosmosOptions) {
  const cosmos = await startCosmos({ database: 'mydb', container: 'mydocuments', ...options });
  onTestFinished(() => cosmos.close());
  return { cosmos, environment: { COSMOS_ENDPOINT: cosmos.endpoint, COSMOS_KEY: cosmos.key } };
}

describe('where all is well', () => {
  test('it says so, receives nothing and changes nothing', async () => {
    const { stack, path, counters, announce } = await setTheScene();
    await announce({ sessionId: 's', userId: 'u', chatMessageId: 't', completedAt: '', eventType: '' });
    await expect.poll(() => counters().entities[path]?.active).toBe(1);
    // Even should there be what it supposes not to be there.
    stack.cosmos.put({ id: '~doctor', userId: '~doctor', note: 'mine' });
    const items = stack.cosmos.items();
    const seen = await diagnose(stack.environment, { apart: true });
    expect(seen.faults()).toEqual([]);
    expect(seen.code).toBe(0);
    expect(seen.sums).toMatchObject({ ok: true, failures: 0 });
    expect(seen.line('Service Bus', 'receive')?.found).toContain('the oldest event waits');
    expect(seen.line('Service Bus', 'settings')?.found).toContain('no sessions');
    expect(seen.line('Title model', 'title')?.found).toContain('tomato');
    expect(counters().entities[path]).toMatchObject({ active: 1, delivered: 0, peakLocked: 0 });
    expect(counters().entities['message-completed']).toMatchObject({ received: 1 });
    expect(stack.cosmos.items()).toEqual(items);
    const { writes } = stack.cosmos.counters();
    expect(Object.values(writes).every((count) => count === 0)).toBe(true);
    expect(Object.keys(stack.redis.counters().commands)).not.toContain('SET');
    // Keys are for local work: a warning, which fails nothing.
    expect(seen.line('Configuration', 'keys')).toMatchObject({ status: 'warning' });
    for (const name of ['COSMOS_KEY', 'REDIS_PASSWORD', 'AZURE_AI_API_KEY'])
      expect(seen.output).not.toContain(stack.environment[name]);
  });

  test('for people there is a line a check, coloured on demand only', async () => {
    const { stack } = await setTheScene();
    const plain = await runCommand(stack.environment, ['doctor']);
    expect(plain.stdout).toMatch(/^ {2}ok {7}receive {7}may receive/m);
    expect(plain.stdout).toMatch(/No failure, \d warnings?\.\n$/);
    expect(plain.stdout).not.toContain('\u001b');
    const coloured = await runCommand({ ...stack.environment, FORCE_COLOR: '1' }, ['doctor']);
    expect(coloured.stdout).toContain('\u001b[32mok');
  });

  test('with Entra ID it says which identity it is, and shows no token', async () => {
    const { stack } = await setTheScene({
      entra: { certificateFile: join(folder(), 'ca.pem') },
      requiresSession: true,
    });
    const seen = await diagnose(stack.environment);
    expect(seen.faults()).toEqual([]);
    const { objectId, clientId } = stack.entra!;
    expect(seen.line('Identity', 'identity')).toMatchObject({
      status: 'ok',
      found: `application, object id ${objectId}, client id ${clientId}`,
    });
    expect(seen.line('Service Bus', 'settings')?.found).toMatch(/^sessions, locks of 1 min/);
    expect(seen.line('Redis', 'connection')?.found).toContain('TLSv1.3');
    expect(seen.output).not.toContain('eyJ');
  });
});

test('a faulty configuration is told whole, with 78', async () => {
  const seen = await diagnose({ REDIS_PORT: 'high', COSMOS_ENDPOINT: 'secret words' }, { apart: true });
  expect(seen.code).toBe(78);
  expect(seen.line('Configuration', 'REDIS_PORT')).toMatchObject({
    status: 'failure',
    mend: 'set REDIS_PORT',
  });
  expect(seen.line('Configuration', 'REDIS_HOST')?.found).toContain('missing');
  expect(seen.output).not.toContain('secret words');
});

test('a misspelt variable is noticed', async () => {
  const { stack } = await setTheScene();
  const seen = await diagnose({ ...stack.environment, REDIS_SLL: 'true', REDIS_SERVICE_HOST: '10.0.0.1' });
  expect(seen.line('Configuration', 'variables')).toMatchObject({ status: 'warning' });
  expect(seen.line('Configuration', 'variables')?.found).toBe('REDIS_SLL: no such variable is read');
});

describe('the way to a service', () => {
  test('a name that does not resolve, and a port where nobody listens', async () => {
    const { stack } = await setTheScene();
    const seen = await diagnose({
      ...stack.environment,
      REDIS_HOST: 'no-such-host.invalid',
      COSMOS_ENDPOINT: 'http://127.0.0.1:1/',
    });
    expect(seen.code).toBe(1);
    expect(seen.line('Redis', 'name')).toMatchObject({
      status: 'failure',
      mend: expect.stringContaining('REDIS_HOST'),
    });
    expect(seen.line('Redis', 'read')).toMatchObject({
      mend: 'see the lines "name" and "connection" of Redis',
    });
    expect(seen.line('Cosmos DB', 'connection')).toMatchObject({
      status: 'failure',
      found: expect.stringContaining('ECONNREFUSED'),
      mend: expect.stringContaining('COSMOS_ENDPOINT'),
    });
    // What has nothing to do with it is well all the same.
    expect(seen.line('Service Bus', 'receive')?.status).toBe('ok');
    expect(seen.line('Title model', 'title')?.status).toBe('ok');
  });

  test('TLS where there is none, none where there is TLS, and a certificate that nobody vouches for', async () => {
    const { stack } = await setTheScene({ entra: { certificateFile: join(folder(), 'ca.pem') } });
    const { NODE_EXTRA_CA_CERTS: _, ...untrusting } = stack.environment;
    const seen = await diagnose({ ...untrusting, REDIS_PORT: String(stack.redis.port) });
    expect(seen.line('Redis', 'connection')).toMatchObject({
      status: 'failure',
      mend: expect.stringContaining('REDIS_SSL'),
    });
    expect(seen.line('Service Bus', 'connection')).toMatchObject({
      status: 'failure',
      mend: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    const plain = await diagnose({ ...stack.environment, REDIS_SSL: 'false', REDIS_PASSWORD: 'x' });
    expect(plain.line('Redis', 'read')).toMatchObject({ status: 'failure', mend: 'REDIS_SSL=true' });
  });

  test('services that hang are waited for once, all at a time', async () => {
    const { stack } = await setTheScene();
    stack.serviceBus.setFaults({ freeze: true });
    stack.cosmos.setFaults({ freeze: true });
    await stack.redis.setFaults({ freeze: true });
    await stack.chat.setFaults({ freeze: true });
    const startedMs = performance.now();
    const seen = await diagnose({ ...stack.environment, TITLE_TIMEOUT_SECONDS: '3' });
    // One after another, the calls alone would take a minute and a half.
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect(seen.faults()).toEqual(
      expect.arrayContaining([
        'Service Bus: receive',
        'Redis: read',
        'Cosmos DB: write',
        'Title model: title',
      ]),
    );
    // Each takes connections: what to look at is behind that.
    for (const [service, name, look] of [
      ['Service Bus', 'receive', 'az servicebus namespace show '],
      ['Redis', 'read', 'az redisenterprise show '],
      ['Cosmos DB', 'write', 'az cosmosdb show '],
      ['Title model', 'title', 'az cognitiveservices account show '],
    ] as const)
      expect(seen.line(service, name)).toMatchObject({
        status: 'failure',
        found: expect.stringMatching(/(no|not) answer within .*, though \S+:\d+ takes connections$/),
        mend: expect.stringMatching(new RegExp(`a proxy, a firewall, a private endpoint .*${look}`)),
      });
    expect(seen.line('Clock', 'Cosmos DB')).toMatchObject({
      status: 'warning',
      mend: 'see the lines "name" and "connection" of Cosmos DB',
    });
    stack.serviceBus.setFaults({ freeze: false });
    await stack.redis.setFaults({ freeze: false });
    await stack.chat.setFaults({ freeze: false });
  });
});

test('a service that throttles is warned of, with what gives it more room', async () => {
  const { stack } = await setTheScene();
  stack.serviceBus.setFaults({ refuseAttach: 'com.microsoft:server-busy' });
  stack.cosmos.setFaults({ status: { code: 429, substatus: 3200, retryAfterMs: 10 } });
  await stack.chat.setFaults({ status: { code: 429 } });
  const seen = await diagnose(stack.environment);
  expect(seen.faults()).toEqual([]);
  for (const [service, name, mend] of [
    ['Service Bus', 'topic', /messaging units.*: az servicebus namespace show .*--query sku$/],
    ['Cosmos DB', 'write', /request units \(RU\/s\).*: az cosmosdb sql container throughput show /],
    ['Title model', 'title', /TITLE_MAX_CONCURRENCY.*: az cognitiveservices account deployment list /],
  ] as const)
    expect(seen.line(service, name)).toMatchObject({ status: 'warning', mend: expect.stringMatching(mend) });
});

test('a service that fails is told, and what shows how it is', async () => {
  const { stack } = await setTheScene();
  stack.cosmos.setFaults({ status: { code: 503 } });
  await stack.redis.setFaults({ failEvery: 1 });
  await stack.chat.setFaults({ status: { code: 503 } });
  const seen = await diagnose(stack.environment);
  expect(seen.line('Cosmos DB', 'read')).toMatchObject({
    status: 'failure',
    found: expect.stringMatching(/^it fails \(.*503/),
    mend: expect.stringContaining('az cosmosdb show '),
  });
  expect(seen.line('Redis', 'read')).toMatchObject({
    status: 'failure',
    found: expect.stringContaining('LOADING'),
    mend: expect.stringContaining('az redisenterprise show '),
  });
  // The worker gives another title meanwhile.
  expect(seen.line('Title model', 'title')).toMatchObject({
    status: 'warning',
    mend: expect.stringContaining('az cognitiveservices account show '),
  });
});

describe('Service Bus', () => {
  test('a topic or a subscription that is not there', async () => {
    const { stack } = await setTheScene();
    const noSubscription = await diagnose({
      ...stack.environment,
      SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION: 'there is none',
    });
    expect(noSubscription.line('Service Bus', 'topic')?.status).toBe('ok');
    expect(noSubscription.line('Service Bus', 'receive')).toMatchObject({
      status: 'failure',
      found: 'there is no subscription there is none of message-completed',
      mend: expect.stringMatching(
        /^az servicebus topic subscription create .*--topic-name message-completed --name 'there is none'/,
      ),
    });
    const noTopic = await diagnose({ ...stack.environment, SERVICEBUS_MESSAGE_COMPLETED_TOPIC: 'nowhere' });
    expect(noTopic.line('Service Bus', 'topic')).toMatchObject({
      status: 'failure',
      mend: expect.stringMatching(/^az servicebus topic create .*--name nowhere$/),
    });
    expect(noTopic.line('Cosmos DB', 'write')?.status).toBe('ok');
  });

  test('rules that let nothing through, a disabled topic, dead letters', async () => {
    const { stack, serviceBus, path, announce, work, counters } = await setTheScene();
    const { worker } = await work();
    await announce({ eventType: 'another' });
    await expect.poll(() => counters().entities[path]?.deadLetterCount).toBe(1);
    await worker.stop(5_000);
    const [topic, , subscription] = path.split('/');
    const rules = serviceBus.createRuleManager(topic!, subscription!);
    await rules.deleteRule('$Default');
    const seen = await diagnose(stack.environment);
    expect(seen.faults()).toEqual(['Service Bus: rules']);
    expect(seen.line('Service Bus', 'rules')?.mend).toMatch(/^az servicebus topic subscription rule create /);
    expect(seen.line('Service Bus', 'dead letters')).toMatchObject({
      status: 'warning',
      found: '1 lie there',
      mend: 'history-worker dead-letters list',
    });
    stack.serviceBus.act('disableEntity', { entity: topic });
    const disabled = await diagnose(stack.environment);
    expect(disabled.line('Service Bus', 'topic')).toMatchObject({
      status: 'failure',
      found: 'message-completed is disabled',
      mend: expect.stringMatching(/--status Active$/),
    });
  });

  test('the maximum of deliveries is told by an event that had them', async () => {
    const { stack, path, serviceBus, announce, counters } = await setTheScene({
      maxDeliveryCount: 2,
      requiresSession: true,
      lockDurationMs: 20_000,
    });
    const [topic, , subscription] = path.split('/');
    await announce({ sessionId: 'twice' });
    const session = await serviceBus.acceptSession(topic!, subscription!, 'twice');
    for (let time = 0; time < 2; time += 1) {
      const [message] = await session.receiveMessages(1);
      await session.abandonMessage(message!);
    }
    await session.close();
    await expect.poll(() => counters().entities[path]?.deadLetterCount).toBe(1);
    const seen = await diagnose(stack.environment);
    expect(seen.line('Service Bus', 'settings')).toMatchObject({
      status: 'warning',
      found: 'sessions, locks of 20 s, at most 2 deliveries: short locks are lost easily',
      mend: expect.stringMatching(/^az servicebus topic subscription update .*--lock-duration PT1M$/),
    });
  });

  test.each([
    [
      'sees all of it',
      { lockDuration: 'PT1M', maxDeliveryCount: 50 },
      'ok',
      'no sessions, locks of 1 min, at most 50 deliveries',
    ],
    [
      'warns of few deliveries',
      { lockDuration: 'PT5M', maxDeliveryCount: 3 },
      'warning',
      'no sessions, locks of 5 min, at most 3 deliveries: kills and lost connections use them up',
    ],
    [
      'warns of events that are deleted',
      { lockDuration: 'PT1M', maxDeliveryCount: 50, timeToLive: 'PT1H' },
      'warning',
      'no sessions, locks of 1 min, at most 50 deliveries; an event that waits for 1 h is deleted',
    ],
    [
      'fails where it is disabled',
      { lockDuration: 'PT1M', maxDeliveryCount: 50, status: 'ReceiveDisabled' },
      'failure',
      'no sessions, locks of 1 min, at most 50 deliveries; it is ReceiveDisabled',
    ],
    [
      'does without the right',
      'refuse',
      'ok',
      'no sessions; lock duration and maximum of deliveries cannot be seen: the identity has no right to manage, and needs none',
    ],
  ] as const)('who may manage %s', async (_, answer, status, found) => {
    const file = join(folder(), 'ca.pem');
    const { stack } = await setTheScene({ entra: { certificateFile: file } });
    const door = await openManagementDoor(stack.serviceBus.port, answer);
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n${door.certificate}`);
    const seen = await diagnose({
      ...stack.environment,
      SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: `localhost:${door.port}`,
    });
    expect(seen.line('Service Bus', 'settings')).toMatchObject({ status, found });
    expect(seen.line('Service Bus', 'receive')?.status).toBe('ok');
  });

  test('who may manage is told how to end forwarding', async () => {
    const file = join(folder(), 'ca.pem');
    const { stack } = await setTheScene({ entra: { certificateFile: file } });
    const settings = { lockDuration: 'PT1M', maxDeliveryCount: 50, forwardTo: 'elsewhere' };
    const door = await openManagementDoor(stack.serviceBus.port, settings);
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n${door.certificate}`);
    const seen = await diagnose({
      ...stack.environment,
      SERVICEBUS_FULLY_QUALIFIED_NAMESPACE: `localhost:${door.port}`,
    });
    expect(seen.line('Service Bus', 'settings')).toMatchObject({
      status: 'failure',
      found: expect.stringContaining('all is forwarded to elsewhere'),
      // An empty --forward-to would be sent as an empty name: az leaves a field out of its request by --remove alone, or null.
      mend: expect.stringMatching(/^az servicebus topic subscription update .* --remove forwardTo$/),
    });
  });
});

describe('access', () => {
  test('without a token there is one reason, and all else points to it', async () => {
    const { stack } = await setTheScene({ entra: { certificateFile: join(folder(), 'ca.pem') } });
    stack.entra!.setFaults({ refuse: true });
    const seen = await diagnose(stack.environment);
    expect(seen.line('Identity', 'identity')).toMatchObject({
      status: 'failure',
      found: expect.stringContaining('no token for Service Bus, Redis, Cosmos DB, the title model'),
      mend: expect.stringContaining('AZURE_CLIENT_ID'),
    });
    for (const [service, name] of [
      ['Service Bus', 'receive'],
      ['Redis', 'read'],
      ['Cosmos DB', 'write'],
      ['Title model', 'title'],
    ] as const)
      expect(seen.line(service, name)).toMatchObject({ status: 'failure', mend: 'see "identity"' });
    expect(seen.line('Cosmos DB', 'connection')?.status).toBe('ok');
  });

  test('roles that lack are named with the identity that lacks them', async () => {
    const file = join(folder(), 'ca.pem');
    const { stack } = await setTheScene({ entra: { certificateFile: file } });
    const { objectId } = stack.entra!;
    stack.serviceBus.setFaults({ refuseCbs: true });
    stack.cosmos.setFaults({ status: { code: 403, operations: ['replace'] } });
    await stack.chat.setFaults({ status: { code: 403 } });
    const redis = await startRedis({ server: 'ours', authorize: () => false });
    onTestFinished(() => redis.close());
    const seen = await diagnose({
      ...stack.environment,
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(redis.port),
      REDIS_SSL: 'false',
    });
    expect(seen.line('Service Bus', 'receive')).toMatchObject({
      status: 'failure',
      found: expect.stringContaining('it needs Azure Service Bus Data Receiver'),
      mend: expect.stringMatching(
        new RegExp(
          `^az role assignment create --assignee-object-id ${objectId} .*'Azure Service Bus Data Receiver'`,
        ),
      ),
    });
    expect(seen.line('Redis', 'read')).toMatchObject({
      status: 'failure',
      found: expect.stringContaining('it needs the access policy default'),
      mend: expect.stringMatching(
        new RegExp(`^az redisenterprise database access-policy-assignment create .*${objectId}$`),
      ),
    });
    expect(seen.line('Cosmos DB', 'read')?.status).toBe('ok');
    expect(seen.line('Cosmos DB', 'write')).toMatchObject({
      status: 'failure',
      found: expect.stringContaining('it needs Cosmos DB Built-in Data Contributor'),
      mend: expect.stringMatching(
        new RegExp(
          `^az cosmosdb sql role assignment create .*--principal-id ${objectId} --scope /dbs/mydb/colls/mydocuments$`,
        ),
      ),
    });
    expect(seen.line('Title model', 'title')).toMatchObject({
      status: 'failure',
      found: expect.stringContaining('needs Cognitive Services User or Cognitive Services OpenAI User'),
      mend: expect.stringContaining("--role 'Cognitive Services User'"),
    });
  });

  test('keys that are refused are named by their variables', async () => {
    const { stack } = await setTheScene();
    stack.serviceBus.setFaults({ refuseCbs: true });
    const wrong = { COSMOS_KEY: 'd3Jvbmc=', REDIS_PASSWORD: 'wrong-password', AZURE_AI_API_KEY: 'wrong-key' };
    const seen = await diagnose({ ...stack.environment, ...wrong });
    expect(seen.line('Service Bus', 'receive')?.mend).toMatch(/^SERVICEBUS_CONNECTION_STRING="\$\(az /);
    expect(seen.line('Redis', 'read')?.mend).toMatch(
      /^REDIS_PASSWORD="\$\(az redisenterprise database list-keys /,
    );
    expect(seen.line('Cosmos DB', 'account')?.mend).toMatch(/^COSMOS_KEY="\$\(az cosmosdb keys list /);
    expect(seen.line('Title model', 'title')?.mend).toMatch(/^AZURE_AI_API_KEY="\$\(az cognitiveservices /);
    for (const secret of Object.values(wrong)) expect(seen.output).not.toContain(secret);
  });
});

describe('Cosmos DB', () => {
  test('a container that is not there, or a database', async () => {
    const { stack } = await setTheScene();
    const noContainer = await diagnose({ ...stack.environment, COSMOS_CONTAINER_NAME: 'none' });
    expect(noContainer.line('Cosmos DB', 'container')).toMatchObject({
      status: 'failure',
      found: 'there is no container none in mydb',
      mend: expect.stringMatching(
        /^az cosmosdb sql container create .*--name none --partition-key-path \/userId/,
      ),
    });
    const noDatabase = await diagnose({ ...stack.environment, COSMOS_DATABASE_NAME: 'none' });
    expect(noDatabase.line('Cosmos DB', 'container')?.found).toContain('there is no database none');
  });

  test('a key that the worker cannot use, several write regions, and history that expires', async () => {
    const { stack } = await setTheScene();
    const { environment } = await openCosmos({
      partitionKeyPath: '/tenant',
      multipleWriteRegions: true,
      defaultTtl: 30 * 86_400,
    });
    const seen = await diagnose({ ...stack.environment, ...environment });
    expect(seen.line('Cosmos DB', 'container')).toMatchObject({ status: 'failure' });
    expect(seen.line('Cosmos DB', 'container')?.found).toContain('keyed by /tenant');
    expect(seen.line('Cosmos DB', 'account')).toMatchObject({
      status: 'failure',
      mend: expect.stringMatching(/--enable-multiple-write-locations false$/),
    });
    expect(seen.line('Cosmos DB', 'expiry')).toMatchObject({
      status: 'warning',
      found: 'history is deleted 30 d after it was last written',
      mend: expect.stringMatching(/^az cosmosdb sql container update .*--ttl -1$/),
    });
  });

  test('indexed messages are warned of, and the policy that it names mends it', async () => {
    const { stack } = await setTheScene();
    const before = await diagnose(stack.environment);
    const line = before.line('Cosmos DB', 'indexing');
    expect(line).toMatchObject({ status: 'warning', mend: expect.stringContaining("--idx '{") });
    expect(JSON.parse(/--idx '(.*)'$/.exec(line!.mend!)![1]!)).toEqual(INDEXING);
    const client = new CosmosClient({ endpoint: stack.keys.COSMOS_ENDPOINT!, key: stack.keys.COSMOS_KEY! });
    const container = client.database('mydb').container('mydocuments');
    const { resource } = await container.read();
    await container.replace({ ...resource!, indexingPolicy: INDEXING as never });
    client.dispose();
    expect((await diagnose(stack.environment)).line('Cosmos DB', 'indexing')?.status).toBe('ok');
  });
});

describe('the title model', () => {
  test.each([
    [
      'is another one',
      { endpoint: 'other' },
      {},
      'failure',
      /^AZURE_AI_CHAT_ENDPOINT or AZURE_AI_CHAT_MODEL/,
    ],
    ['refuses the api-version', {}, { status: { code: 400 } }, 'failure', /^AZURE_AI_API_VERSION/],
    ['filters it', {}, { contentFilter: true }, 'warning', /content filter/],
    ['answers no title', {}, { answer: 'x'.repeat(500) }, 'warning', /another model/],
  ] as const)('%s', async (_, { endpoint }: { endpoint?: string }, faults, status, mend) => {
    const { stack } = await setTheScene();
    await stack.chat.setFaults(faults as never);
    const at = stack.environment.AZURE_AI_CHAT_ENDPOINT!;
    const seen = await diagnose({
      ...stack.environment,
      ...(endpoint ? { AZURE_AI_CHAT_ENDPOINT: at.replace(/[^/]+$/, endpoint) } : {}),
    });
    const line = seen.line('Title model', 'title');
    expect(line?.status).toBe(status);
    if (mend) expect(line?.mend).toMatch(mend);
    expect(seen.code).toBe(status === 'failure' ? 1 : 0);
  });
});

test.each([
  [12_000, 'warning', 'ahead, more than the 5 s'],
  [400_000, 'failure', 'tokens and signatures are refused'],
  [-12_000, 'warning', 'behind'],
])('a clock that is %i ms ahead', async (aheadMs, status, found) => {
  const { stack } = await setTheScene();
  const seen = await diagnose({
    ...stack.environment,
    NODE_OPTIONS: `--import=${join(process.cwd(), 'test/skewed-clock.ts')}`,
    TEST_CLOCK_AHEAD_MS: String(aheadMs),
  });
  expect(seen.line('Clock', 'Cosmos DB')).toMatchObject({ status, found: expect.stringContaining(found) });
  expect(seen.line('Clock', 'Title model')?.status).toBe(status);
});
