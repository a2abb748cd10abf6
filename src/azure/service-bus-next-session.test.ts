import { expect, test } from 'vitest';
import type { Client } from './service-bus-client.ts';
import { makeNextSession } from './service-bus-next-session.ts';
import type { Session } from './service-bus-session.ts';
import { makeSuccession } from './service-bus-succession.ts';

type Question = { client: Client; grant(id: string): void; refuse(code: string): void };

/** A broker that answers when the test says so, and clients that tell when they are closed. */
function aBroker() {
  const questions: Question[] = [];
  const closed: Client[] = [];
  const granted: string[] = [];
  const { signal } = new AbortController();
  const connect = (): Client => {
    const client: Client = {
      call: () => {
        throw new Error('not used here');
      },
      close: async () => void closed.push(client),
    };
    return client;
  };
  const clients = makeSuccession(connect, (client) => next.isAsked(client));
  const next = makeNextSession(
    clients,
    (client) =>
      new Promise((resolve, reject) => {
        questions.push({
          client,
          grant: (id) => resolve({ id, close: async () => {} } as Session),
          refuse: (code) => reject(Object.assign(new Error(code), { code })),
        });
      }),
    (session) => {
      granted.push(session.id);
      next.handOver(session);
    },
  );
  return { questions, closed, granted, clients, next, wait: () => next.wait(signal) };
}

test('each who waits has a question of its own under way, and whoever waits longest gets what comes first', async () => {
  const { questions, wait } = aBroker();
  const first = wait();
  const second = wait();
  expect(questions).toHaveLength(2);
  questions[1]!.grant('a');
  expect((await first)?.id).toBe('a');
  questions[0]!.refuse('ServiceTimeout');
  expect(await second).toBe(undefined);
});

test('one refused question replaces the client, which is not closed before its others are answered', async () => {
  const { questions, closed, granted, clients, wait } = aBroker();
  const first = clients.current;
  const refused = wait();
  const other = wait();
  questions[0]!.refuse('ServiceBusy');
  await expect(refused).rejects.toThrow('ServiceBusy');
  expect(clients.current).not.toBe(first);
  expect(closed).toEqual([]);
  questions[1]!.grant('a');
  expect((await other)?.id).toBe('a');
  expect(granted).toEqual(['a']);
  await expect.poll(() => closed).toEqual([first]);
});

test('who waits at a client that is replaced is asked for again over the next, and gets what either grants', async () => {
  const { questions, closed, granted, clients, next, wait } = aBroker();
  const hanging = clients.current;
  const waiting = [wait(), wait()];
  clients.replace(hanging);
  next.askAgain();
  expect(questions.map(({ client }) => client === hanging)).toEqual([true, true, false, false]);
  questions[2]!.grant('over the new one');
  questions[0]!.grant('over the former one');
  expect((await Promise.all(waiting)).map((session) => session?.id)).toEqual([
    'over the new one',
    'over the former one',
  ]);
  expect(granted).toHaveLength(2);
  questions[1]!.refuse('ServiceTimeout');
  await expect.poll(() => closed).toEqual([hanging]);
});

test('what fails at a former client is no answer to those who are asked for over the next', async () => {
  const { questions, clients, next, wait } = aBroker();
  const waiting = wait();
  clients.replace(clients.current);
  next.askAgain();
  questions[0]!.refuse('ServiceBusy');
  questions[1]!.grant('a');
  expect((await waiting)?.id).toBe('a');
});

test('when a connection is cut, each who waits hears it once, and one client takes its place', async () => {
  const { questions, clients, wait } = aBroker();
  const waiting = [wait(), wait(), wait()].map((one) => expect(one).rejects.toThrow('cut'));
  questions[0]!.refuse('cut');
  await waiting[0];
  const { current } = clients;
  for (const { refuse } of questions) refuse('cut');
  await Promise.all(waiting);
  expect(questions).toHaveLength(3);
  expect(clients.current).toBe(current);
});

test('once it has ended nobody waits, and a session that is granted late goes back at once', async () => {
  const { questions, granted, next, wait } = aBroker();
  const waiting = wait();
  next.end();
  expect(await waiting).toBe(undefined);
  questions[0]!.grant('late');
  await expect.poll(() => next.isAsked(questions[0]!.client)).toBe(false);
  expect(granted).toEqual([]);
});
