import { randomUUID } from 'node:crypto';
import { CosmosClient } from '@azure/cosmos';
import { ServiceBusClient } from '@azure/service-bus';
import { createClient } from '@redis/client';
import Long from 'long';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SUBSCRIPTION, TOPIC } from '../../emulators/stack.ts';
import { openReader, type Reader } from '../../src/reader.ts';
import { conversation, type Event, eventOf, type Snapshot, turn } from '../../test/setting.ts';
import { emulators, type Place, standIns, whyNoEmulators } from './place.ts';

const isWanted = Boolean(process.env.TEST_COMPOSE);
const obstacle = isWanted ? whyNoEmulators() : 'TEST_COMPOSE is not set: run "npm run test:compose"';
if (obstacle) console.log(`Microsoft's emulators were NOT tried: ${obstacle}`);

const places = [
  { name: 'our stand-ins', open: standIns, isHere: true, waitMs: 30_000 },
  { name: "Microsoft's emulators", open: emulators, isHere: obstacle === undefined, waitMs: 120_000 },
];

describe.each(places)('the official clients and the worker, with $name', ({ open, isHere, waitMs }) => {
  describe.skipIf(!isHere)('whatever happens', { timeout: waitMs * 2 }, () => {
    let place: Place;
    let serviceBus: ServiceBusClient;
    let redis: ReturnType<typeof createClient>;
    let cosmos: CosmosClient;
    let reader: Reader;

    beforeAll(async () => {
      place = await open();
      const { environment } = place;
      const [database, container] = [environment.COSMOS_DATABASE_NAME!, environment.COSMOS_CONTAINER_NAME!];
      const access = { endpoint: environment.COSMOS_ENDPOINT!, key: environment.COSMOS_KEY! };
      serviceBus = new ServiceBusClient(environment.SERVICEBUS_CONNECTION_STRING!);
      redis = createClient({
        socket: { host: environment.REDIS_HOST!, port: Number(environment.REDIS_PORT) },
        password: environment.REDIS_PASSWORD!,
      });
      redis.on('error', () => undefined); // its calls reject, and the tests see that
      await redis.connect();
      cosmos = new CosmosClient(access);
      reader = openReader({ ...access, access: { key: access.key }, database, container });
      await place.startWorker();
    }, 900_000);

    afterAll(async () => {
      reader.close();
      cosmos.dispose();
      redis.destroy();
      await serviceBus.close();
      await place.close();
    }, 300_000);

    const show = (snapshot: Snapshot) => redis.set(`session:${snapshot.sessionId}`, JSON.stringify(snapshot));
    async function announce(...events: unknown[]): Promise<void> {
      const sender = serviceBus.createSender(TOPIC);
      await sender.sendMessages(events.map((body) => ({ body, messageId: randomUUID() })));
      await sender.close();
    }
    async function expectDurable(talks: { snapshot: Snapshot; userId: string; sessionId: string }[]) {
      for (const { snapshot, ...ids } of talks)
        await expect
          .poll(async () => (await reader.read(ids))?.messages, { timeout: waitMs })
          .toEqual(snapshot.messages);
    }
    const titleOf = async (ids: { userId: string; sessionId: string }) => (await reader.read(ids))?.title;
    async function deadLetterOf(event: Event): Promise<string | undefined> {
      const receiver = serviceBus.createReceiver(TOPIC, SUBSCRIPTION, { subQueueType: 'deadLetter' });
      try {
        // From the beginning: a client goes on where its last peek ended, also that of another receiver.
        for (const message of await receiver.peekMessages(100, { fromSequenceNumber: Long.ZERO }))
          if ((message.body as Partial<Event>).chatMessageId === event.chatMessageId)
            return message.deadLetterReason;
        return undefined;
      } finally {
        await receiver.close();
      }
    }

    test('every message of every conversation becomes durable, with a title', async () => {
      const talks = Array.from({ length: 20 }, () => conversation(2));
      for (const { snapshot } of talks) await show(snapshot);
      await announce(...talks.map(({ event }) => event));
      await expectDurable(talks);
      for (const ids of talks)
        await expect
          .poll(() => titleOf(ids), { timeout: waitMs })
          .not.toBeOneOf([undefined, 'New Conversation']);
    });

    test("another user's conversation and an event without a user are dead-lettered, and say why", async () => {
      const { snapshot, event } = conversation();
      await show(snapshot);
      const foreign = { ...event, userId: 'user_002', chatMessageId: randomUUID() };
      const { userId: _, ...nobody } = { ...event, chatMessageId: randomUUID() };
      await announce(foreign, nobody);
      await expect.poll(() => deadLetterOf(foreign), { timeout: waitMs }).toBe('IdentityMismatch');
      await expect.poll(() => deadLetterOf(nobody as Event), { timeout: waitMs }).toBe('InvalidEvent');
      expect(await reader.read({ sessionId: snapshot.sessionId, userId: 'user_002' })).toBeUndefined();
    });

    test('a rename stays, and what Redis has trimmed stays too', async () => {
      const { snapshot, event, userId, sessionId } = conversation(3);
      await show(snapshot);
      await announce(event);
      await expectDurable([{ snapshot, userId, sessionId }]);
      await expect
        .poll(() => titleOf({ userId, sessionId }), { timeout: waitMs })
        .not.toBe('New Conversation');
      const { COSMOS_DATABASE_NAME: database, COSMOS_CONTAINER_NAME: container } = place.environment;
      await cosmos
        .database(database!)
        .container(container!)
        .item(sessionId, userId)
        .patch([{ op: 'set', path: '/title', value: 'Named by its user' }]);
      const added = turn('later', 5);
      const messages = [...(snapshot.messages as ReturnType<typeof turn>), ...added];
      await show({ ...snapshot, lastActivity: added[0]!.timestamp, messages: messages.slice(-4) });
      await announce(eventOf(snapshot, 'later'));
      await expectDurable([{ snapshot: { ...snapshot, messages }, userId, sessionId }]);
      expect(await titleOf({ userId, sessionId })).toBe('Named by its user');
    });

    test('a conversation of many pages is read whole', async () => {
      const messages = Array.from({ length: 40 }, (_, index) =>
        turn(`long_${index}`, index, `${index} `.repeat(2_000)),
      ).flat();
      const talk = conversation(1, { title: 'Long', messages });
      await show(talk.snapshot);
      await announce(eventOf(talk.snapshot, 'long_39'));
      await expectDurable([talk]);
    });

    test('a worker that is killed in mid-work loses nothing', async () => {
      const talks = Array.from({ length: 40 }, () => conversation(2, { title: 'Named' }));
      for (const { snapshot } of talks) await show(snapshot);
      await announce(...talks.map(({ event }) => event));
      await expect.poll(() => reader.read(talks[0]!), { timeout: waitMs }).toBeDefined();
      await place.killWorker();
      await place.startWorker();
      await expectDurable(talks);
    });

    test('a worker that is told to end hands back what it has not begun, and ends with 0', async () => {
      const talks = Array.from({ length: 40 }, () => conversation(2, { title: 'Named' }));
      for (const { snapshot } of talks) await show(snapshot);
      await announce(...talks.map(({ event }) => event));
      await expect.poll(() => reader.read(talks[0]!), { timeout: waitMs }).toBeDefined();
      expect(await place.stopWorker()).toBe(0);
      await place.startWorker();
      await expectDurable(talks);
    });
  });
});
