import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { StackOptions } from '../emulators/stack.ts';
import { receiveOtlp } from './otlp-receiver.ts';
import { conversation, setTheScene } from './setting.ts';
import { receiveTrack } from './track-receiver.ts';
import { startWorkerProcess } from './worker-process.ts';

/** Stands in every message, title and answer, and nowhere else. */
const CANARY = 'kanarienvogel';
const HEADER_CANARY = 'otlp-key-canary';

type Way = { environment?: Record<string, string>; options?: StackOptions };

/** A run in which as much as can goes wrong, and everything that it printed and exported. */
async function tellEverything({ environment = {}, options = {} }: Way) {
  const otlp = await receiveOtlp();
  const track = await receiveTrack();
  const { stack, redis, sender, announce, counters, path } = await setTheScene(options);
  const worker = startWorkerProcess({
    ...stack.environment,
    // Two authorities of one name cannot be told apart.
    ...(options.entra ? {} : track.environment),
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    OTEL_EXPORTER_OTLP_HEADERS: `api-key=${HEADER_CANARY}`,
    LOG_LEVEL: 'TRACE',
    TURN_WAIT_SECONDS: '1',
    ...environment,
  });
  await expect.poll(() => worker.said('receiving')).toBe(true);

  let announced = 0;
  const speak = async (fields: object = {}, spoil: (text: string) => string = (text) => text) => {
    const talk = conversation(1);
    const messages = ['user', 'assistant', 'system', 'tool'].map((role, index) => ({
      messageId: `${talk.chatMessageId}_${role}`,
      role,
      content: index === 3 ? [{ type: 'text', text: `${CANARY} part` }] : `${CANARY} said the ${role}`,
      timestamp: talk.snapshot.createdAt,
      tool_calls: [{ function: { arguments: CANARY } }],
    }));
    await redis.set(
      `session:${talk.sessionId}`,
      spoil(JSON.stringify({ ...talk.snapshot, messages, ...fields })),
    );
    await sender.sendMessages({
      body: { ...talk.event, preview: CANARY },
      messageId: talk.chatMessageId,
      applicationProperties: { preview: CANARY },
    });
    announced += 1;
    return talk;
  };
  const done = () => {
    const { completed, deadLettered } = counters().entities[path]!;
    return completed + deadLettered;
  };
  const settled = () => expect.poll(done).toBe(announced);

  // Titles that are taken, refused, no titles, or failures that quote the conversation.
  await speak();
  await settled();
  stack.chat.setFaults({ answer: `${CANARY} `.repeat(30) });
  await speak();
  await settled();
  stack.chat.setFaults({ answer: undefined, contentFilter: true });
  await speak();
  await settled();
  const quoting = { error: { code: 'x', param: null, message: `cannot title: ${CANARY}` } };
  stack.chat.setFaults({ contentFilter: false, status: { code: 400, body: quoting } });
  await speak();
  await settled();
  stack.chat.setFaults({ status: { code: 500, body: quoting } });
  await speak();
  await settled();
  stack.chat.setFaults({ status: undefined });
  // What cannot be persisted.
  await speak({ title: `${CANARY} title`, userId: `somebody else` });
  await speak({}, (text) => text.slice(0, -20));
  await speak({ messages: [{ role: 'user', content: CANARY }, CANARY] });
  await speak({ createdAt: `${CANARY} o'clock` });
  const list = conversation(1);
  await redis.lPush(`session:${list.sessionId}`, CANARY);
  await announce(list.event);
  await announce({ ...conversation(1).event, completedAt: CANARY });
  await sender.sendMessages({ body: `{"sessionId": ${CANARY}`, messageId: 'broken' });
  await announce(conversation(1).event);
  announced += 4;
  await settled();
  // Services that fail.
  stack.cosmos.setFaults({ status: { code: 400, operations: ['create'], count: 1 } });
  await speak({ title: CANARY });
  await settled();
  stack.cosmos.setFaults({ status: { code: 503, count: 3 } });
  await speak({ title: CANARY });
  await settled();
  stack.redis.setFaults({ failEvery: 2 });
  await speak({ title: CANARY });
  await settled();
  stack.redis.setFaults({ failEvery: null, refuseConnections: true });
  await expect.poll(() => worker.said('Redis connection')).toBe(true);
  stack.redis.setFaults({ refuseConnections: false });
  stack.serviceBus.act('dropConnections');
  await speak({ title: CANARY });
  await settled();
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  const places = {
    stdout: worker.output(),
    stderr: worker.errors(),
    otlp: Buffer.concat(otlp.raw).toString('latin1'),
    track: track.raw.join('\n'),
  };
  // There is something in each to be looked through.
  expect(places.stdout.length).toBeGreaterThan(5_000);
  expect(otlp.spans.length).toBeGreaterThan(100);
  expect(otlp.records.length).toBeGreaterThan(15);
  if (!options.entra) expect(track.envelopes.length).toBeGreaterThan(100);
  return { stack, otlp, worker, places };
}

test('with keys: neither a word of a conversation nor a key appears in anything that a run prints or exports', async () => {
  const { stack, otlp, places } = await tellEverything({});
  const secrets = {
    conversation: CANARY,
    'key of Service Bus': /SharedAccessKey=([^;]+)/.exec(stack.keys.SERVICEBUS_CONNECTION_STRING!)![1]!,
    'key of Cosmos DB': stack.keys.COSMOS_KEY!,
    'password of Redis': stack.keys.REDIS_PASSWORD!,
    'key of the title model': stack.keys.AZURE_AI_API_KEY!,
    'key of the OTLP receiver': HEADER_CANARY,
  };
  for (const [place, text] of Object.entries(places))
    for (const [name, secret] of Object.entries(secrets))
      expect(text.toLowerCase().includes(secret.toLowerCase()), `${name} in ${place}`).toBe(false);
  // It was used, though: the receiver got it with each request.
  expect(
    otlp.headers.every((headers) => (headers as Record<string, unknown>)['api-key'] === HEADER_CANARY),
  ).toBe(true);
}, 120_000);

test('with Entra ID: no token and no header of the identity appears', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'canary-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { stack, places } = await tellEverything({
    options: { entra: { certificateFile: join(folder, 'ca.pem') } },
  });
  for (const [place, text] of Object.entries(places)) {
    expect(text.includes(CANARY), `conversation in ${place}`).toBe(false);
    expect(/eyJ[\w-]+\.[\w-]+\./.test(text), `a token in ${place}`).toBe(false);
    expect(text.includes(stack.environment.IDENTITY_HEADER!), `the identity's header in ${place}`).toBe(
      false,
    );
  }
}, 120_000);

test('what the title model is asked and answers is in its spans, and only there, if a variable says so', async () => {
  const { otlp, places } = await tellEverything({
    environment: { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true' },
  });
  const quoting = otlp.spans.filter((span) => JSON.stringify(plain(span)).includes(CANARY));
  expect(new Set(quoting.map(({ name }) => name))).toEqual(new Set(['chat gpt-4']));
  const [span] = quoting;
  expect(JSON.parse(String(span!.attributes['gen_ai.input.messages']))).toMatchObject([
    { role: 'system', parts: [{ type: 'text' }] },
    { role: 'user', parts: [{ type: 'text', content: expect.stringContaining(`${CANARY} said the user`) }] },
  ]);
  expect(places.track).toContain(CANARY);
  expect(places.stdout + places.stderr + JSON.stringify(otlp.records)).not.toContain(CANARY);
}, 120_000);

const plain = ({ start: _, end: __, ...span }: { start: bigint; end: bigint }) => span;
