import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as listenRaw, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Certificate, makeCertificate } from '../emulators/certificate.ts';
import { startServiceBus } from '../emulators/service-bus/index.ts';
import { SUBSCRIPTION, TOPIC } from '../emulators/stack.ts';
import { receiveOtlp } from './otlp-receiver.ts';
import { askHealth } from './scrape.ts';
import { conversation, setTheScene } from './setting.ts';
import { receiveTrack } from './track-receiver.ts';
import { startWorkerProcess } from './worker-process.ts';

/** A key of the form that each service's has. */
const keyOf = (service: string): string =>
  Buffer.from(`canary of ${service}`.padEnd(48, '.')).toString('base64');
const CONSOLE_TOKEN = 'console-token-canary';
const INSTRUMENTATION_KEY = '0ca4a0ca-0000-4000-8000-00000000cafe';

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Answers with all that it was sent, by each status in turn, and says what that was. */
async function echo(statuses: readonly number[], certificate?: Certificate) {
  const heard: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = `refused: ${JSON.stringify(request.headers)} ${Buffer.concat(chunks)}`;
    heard.push(message);
    // In the reason phrase as well, which has no room for what is not printable.
    const phrase = message.replaceAll(/[^ -~]/g, ' ').slice(0, 1_000);
    const status = statuses[(heard.length - 1) % statuses.length]!;
    response.writeHead(status, phrase, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ code: 'Echo', message, error: { code: 'Echo', param: null, message } }));
  };
  const server = certificate ? createTlsServer(certificate, answer) : createServer(answer);
  onTestFinished(() => server.closeAllConnections());
  return {
    url: `${certificate ? 'https' : 'http'}://localhost:${await portOf(server)}`,
    heard,
  };
}

/** A Redis that quotes what it refuses, as one that knows no AUTH does. */
async function quotingRedis() {
  const heard: string[] = [];
  const server = listenRaw((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      heard.push(String(data));
      socket.write(
        `-ERR unknown command, with args beginning with: ${String(data).replaceAll('\r\n', ' ')}\r\n`,
      );
    });
  });
  return { port: String(await portOf(server)), heard };
}

type Scene = Awaited<ReturnType<typeof setTheScene>>;

/** What a worker tells that talks as much as it can, until `done` has seen what it waits for. */
async function toldBy(
  spoil: (
    environment: Record<string, string>,
    scene: Scene,
  ) => Promise<Record<string, string>> | Record<string, string>,
  done: (worker: ReturnType<typeof startWorkerProcess>, scene: Scene) => Promise<unknown>,
) {
  const [otlp, track, scene] = [await receiveOtlp(), await receiveTrack(), await setTheScene()];
  const own = scene.stack.environment;
  const worker = startWorkerProcess({
    ...own,
    ...track.environment,
    APPLICATIONINSIGHTS_CONNECTION_STRING: track.environment.APPLICATIONINSIGHTS_CONNECTION_STRING.replace(
      /InstrumentationKey=[^;]+/,
      `InstrumentationKey=${INSTRUMENTATION_KEY}`,
    ),
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    LOG_LEVEL: 'TRACE',
    HEALTH_PORT: '0',
    CONSOLE_ENABLED: 'true',
    CONSOLE_TOKEN,
    ...(await spoil(own, scene)),
  });
  const health = await askHealth(worker);
  const answers: string[] = [];
  const asking = (async () => {
    for (let isUp = true; isUp; await new Promise((resolve) => setTimeout(resolve, 100)))
      for (const path of ['/readyz', '/livez', '/metrics', '/console'])
        try {
          const response = await fetch(`${health.url}${path}`, {
            headers: { authorization: `Bearer not-${CONSOLE_TOKEN}` },
          });
          answers.push(await response.text());
        } catch {
          isUp = false; // it has ended
        }
  })();
  await done(worker, scene);
  worker.kill('SIGTERM');
  await worker.exited;
  await asking;
  expect(answers.length).toBeGreaterThan(0);
  expect(worker.lines.length).toBeGreaterThan(1);
  const places: Record<string, string> = {
    stdout: worker.output(),
    stderr: worker.errors(),
    answers: answers.join('\n'),
    otlp: Buffer.concat(otlp.raw).toString('latin1'),
    track: track.raw.join('\n').replaceAll(`"iKey":"${INSTRUMENTATION_KEY}"`, ''),
  };
  return (secrets: readonly string[]): void => {
    for (const [place, text] of Object.entries(places))
      for (const secret of [...secrets, CONSOLE_TOKEN, INSTRUMENTATION_KEY])
        expect(text.toLowerCase().includes(secret.toLowerCase()), `${secret} in ${place}`).toBe(false);
  };
}

const saysCode = (code: string) => (worker: ReturnType<typeof startWorkerProcess>) =>
  expect.poll(() => worker.lines.some((line) => line.code === code)).toBe(true);

test.each([
  ['Service Bus', 'SERVICEBUS_CONNECTION_STRING', 'UnauthorizedAccess'],
  ['Cosmos DB', 'COSMOS_KEY', 'StoreMisconfigured'],
  ['Redis', 'REDIS_PASSWORD', 'CacheUnavailable'],
])('a wrong key of %s is refused, and told nowhere', async (service, variable, code) => {
  const key = keyOf(service);
  const wrong = (own: Record<string, string>) => {
    const isWhole = variable !== 'SERVICEBUS_CONNECTION_STRING';
    const value = isWhole ? key : own[variable]!.replace(/(SharedAccessKey=)[^;]+/, `$1${key}`);
    return { [variable]: value };
  };
  const expectNone = await toldBy(wrong, saysCode(code));
  expectNone([key, 'sig=', 'sig%3d']);
});

// A worker for each: by a key that is refused it ends.
test.each([401, 403, 500])(
  'a Cosmos DB that answers %i and quotes the request: none of it is told',
  async (status) => {
    const { url, heard } = await echo([status]);
    const key = keyOf('Cosmos DB');
    const code = status === 500 ? 'StoreUnavailable' : 'StoreMisconfigured';
    const expectNone = await toldBy(() => ({ COSMOS_ENDPOINT: url, COSMOS_KEY: key }), saysCode(code));
    expect(heard.join()).toContain('sig%3D');
    expectNone([key, 'sig=', 'sig%3d', 'refused: {']);
  },
);

test('a title model that answers 400, 401, 403, 429 and 500 and quotes the request: neither its key nor the question is told', async () => {
  const statuses = [400, 401, 403, 429, 500];
  const { url, heard } = await echo(statuses);
  const key = keyOf('title model');
  const expectNone = await toldBy(
    () => ({
      AZURE_AI_CHAT_ENDPOINT: `${url}/openai/deployments/gpt-4`,
      AZURE_AI_API_KEY: key,
      TITLE_TIMEOUT_SECONDS: '1',
    }),
    async (worker, { show, announce }) => {
      await expect.poll(() => worker.said('receiving')).toBe(true);
      const ask = async () => {
        const talk = conversation();
        await show(talk.snapshot);
        await announce(talk.event);
        return heard.length;
      };
      // Again and again: after some failures the gate lets one through in a while.
      await expect.poll(ask, { interval: 1_000 }).toBeGreaterThanOrEqual(statuses.length);
      await expect.poll(() => worker.said('no title')).toBe(true);
    },
  );
  expect(heard.join()).toContain(key);
  expectNone([key, 'refused: {']);
});

test('a Service Bus that quotes the token that it does not take: it is told nowhere', async () => {
  const heard: string[] = [];
  const bus = await startServiceBus({
    topics: [{ name: TOPIC, subscriptions: [{ name: SUBSCRIPTION }] }],
    authorize({ token }) {
      heard.push(token);
      return `refused: ${token}`;
    },
  });
  onTestFinished(() => bus.close());
  const expectNone = await toldBy(
    () => ({ SERVICEBUS_CONNECTION_STRING: bus.connectionString }),
    saysCode('UnauthorizedAccess'),
  );
  const signatures = heard.map((token) => /sig=([^&]+)/.exec(token)![1]!);
  const keyOfBus = /SharedAccessKey=([^;]+)/.exec(bus.connectionString)![1]!;
  // What it says besides may help, and is told.
  expectNone([...signatures, ...signatures.map(decodeURIComponent), keyOfBus]);
});

test('a Redis that quotes the password that it does not take: it is told nowhere', async () => {
  const { port, heard } = await quotingRedis();
  const key = keyOf('Redis');
  const expectNone = await toldBy(
    () => ({ REDIS_HOST: '127.0.0.1', REDIS_PORT: port, REDIS_PASSWORD: key }),
    saysCode('CacheUnavailable'),
  );
  expect(heard.join()).toContain(key);
  expectNone([key]);
});

test('a receiver of OTLP that quotes the headers that it does not take: they are told nowhere', async () => {
  const { url, heard } = await echo([401]);
  const key = keyOf('OTLP');
  const expectNone = await toldBy(
    () => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_HEADERS: `api-key=${key.replaceAll('=', '')}`,
    }),
    saysCode('TelemetryFailed'),
  );
  expect(heard.join()).toContain(key.replaceAll('=', ''));
  // What it says besides may help, and is told.
  expectNone([key.replaceAll('=', '')]);
});

/** What a worker needs to reach all four services by Entra ID. */
async function byIdentity(): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { environment } = (await setTheScene({ entra: { certificateFile: join(folder, 'ca.pem') } })).stack;
  const keys = ['SERVICEBUS_CONNECTION_STRING', 'COSMOS_KEY', 'AZURE_AI_API_KEY', 'REDIS_PASSWORD'];
  return { ...Object.fromEntries(keys.map((key) => [key, ''])), ...environment };
}

test('an identity service that answers 400 and 401 and quotes what it was asked with: its header is told nowhere', async () => {
  const { url, heard } = await echo([400, 401]);
  const header = keyOf('identity');
  const expectNone = await toldBy(
    async () => ({
      ...(await byIdentity()),
      IDENTITY_ENDPOINT: `${url}/msi/token`,
      IDENTITY_HEADER: header,
    }),
    async (worker) => {
      await expect.poll(() => heard.length).toBeGreaterThanOrEqual(2);
      await expect
        .poll(() => new Set(worker.lines.map(({ dependency }) => dependency)))
        .toContain('service-bus');
    },
  );
  expect(heard.join()).toContain(header);
  expectNone([header, 'refused: {']);
});

test('a Redis that quotes the token that it does not take: it is told nowhere', async () => {
  const { port, heard } = await quotingRedis();
  const expectNone = await toldBy(
    async () => ({
      ...(await byIdentity()),
      ...{ REDIS_HOST: '127.0.0.1', REDIS_PORT: port, REDIS_SSL: 'false' },
    }),
    saysCode('CacheUnavailable'),
  );
  const [token] = heard.join().match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)!;
  expectNone([token!]);
});

test('a Cosmos DB that quotes the token that it does not take: it is told nowhere', async () => {
  const certificate = await makeCertificate('quoting');
  const { url, heard } = await echo([401], certificate);
  const expectNone = await toldBy(async () => {
    const environment = await byIdentity();
    appendFileSync(environment.NODE_EXTRA_CA_CERTS!, `\n${certificate.cert}`);
    return { ...environment, COSMOS_ENDPOINT: url };
  }, saysCode('StoreMisconfigured'));
  const [token] = heard.join().match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)!;
  expectNone([token!, 'refused: {']);
});
