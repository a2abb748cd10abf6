import { makeChance } from './chance.ts';
import { makeCallChecks } from './checks/calls.ts';
import { checkEnd } from './checks/final.ts';
import { makePublished } from './checks/published.ts';
import { readNowAndThen } from './checks/reader.ts';
import { makeRounds } from './checks/rounds.ts';
import { makeSettlementChecks } from './checks/settlements.ts';
import type { Copies } from './checks/whole.ts';
import { wholeOf } from './checks/whole.ts';
import { checkWrite } from './checks/writes.ts';
import { makePlan, type Profile } from './plan.ts';
import { type Broker, makeBroker, type Queued } from './world/broker.ts';
import { type Chat, makeChat } from './world/chat.ts';
import { type Fleet, makeFleet } from './world/fleet.ts';
import { type Announcement, publish } from './world/publisher.ts';
import { makeRedis, type Redis } from './world/redis.ts';
import { keyOf, makeStore, type Store } from './world/store.ts';
import { sweepNowAndThen } from './world/sweeper.ts';
import { titleModelFor } from './world/title-model.ts';
import { makeUsers } from './world/users.ts';
import { type Counts, makeWorld } from './world/world.ts';

export type Run = {
  seed: number;
  profile: Profile;
  /** The promises that were broken. */
  violations: string[];
  /** Of every call to a port and its outcome: the same for the same seed. */
  traceHash: string;
  trace: readonly string[];
  counts: Counts & { paged: number };
};

/** However badly it went before: by then everything must be settled. */
const PATIENCE_MS = 20 * 60_000;

/** One run of the pipeline in a world that its seed has settled. */
export async function run(seed: number, keepTrace = false): Promise<Run> {
  const plan = makePlan(seed);
  const world = makeWorld(plan, keepTrace);
  const { clock } = world;
  const chats = Array.from({ length: plan.chats }, (_, index) =>
    makeChat(makeChance(seed, `chat ${index}`), index),
  );
  const chatOf = (sessionId: string): Chat => chats[Number(sessionId.slice(1))]!;
  const announcements = new Map<Queued, Announcement>();

  const published = makePublished(chatOf);
  const calls = makeCallChecks(world);
  const rounds = makeRounds(world);
  const mostPublished = (chat: Chat): Copies =>
    published.mostOf(chat.sessionId, redis.versionsOf(chat.sessionId));

  const store: Store = makeStore(
    world,
    {
      shown: calls.shown,
      calling: calls.calling,
      committing(_, former, head, by) {
        const chat = chatOf(head.id);
        if (by !== 'user' || former)
          checkWrite(world, chat, store.segments, () => mostPublished(chat), { former, head, by });
        const whole = wholeOf(head, store.segments);
        if (whole) settlements.committed(whole);
        if (by !== 'user') return;
        chat.isDeleted ||= Boolean(head.deletedAt);
      },
    },
    (sessionId) => chatOf(sessionId).kind === 'rejected',
  );
  const redis: Redis = makeRedis(
    world,
    {
      reading(process, sessionId) {
        const round = rounds.begin(process, sessionId);
        const over = calls.calling(process, sessionId, 'get');
        return {
          over,
          answered: (version) => {
            round.version = version;
          },
        };
      },
    },
    (sessionId) => {
      chatOf(sessionId).hasGaps = true;
    },
  );
  const settlements = makeSettlementChecks({
    world,
    store,
    rounds,
    published,
    announcements,
    isDraining: (process) => fleet.isDraining(process),
    isAsking: calls.isAsking,
  });
  const broker: Broker = makeBroker(world, settlements);
  const fleet: Fleet = makeFleet({
    world,
    chance: makeChance(seed, 'fleet'),
    broker,
    portsFor: (process) => ({
      source: broker.portFor(process),
      cache: redis.portFor(process),
      store: store.portFor(process),
      model: titleModelFor(world, process, calls, (chat) => chats[chat]!.isRefusedTitle),
    }),
    watch: { joins: rounds.joins, holds: calls.holds },
  });

  const onRejection = (error: unknown): void =>
    world.violate(`a rejection is not handled: ${String((error as Error)?.stack ?? error)}`);
  process.on('unhandledRejection', onRejection);
  try {
    for (const chat of chats) {
      if (chat.kind === 'foreign') putForeign(store, chat);
      publish(world, chat, redis, broker, makeChance(seed, `publisher ${chat.index}`), (queued, about) =>
        announcements.set(queued, about),
      );
    }
    sendNonsense();
    sweepNowAndThen(world, store, makeChance(seed, 'sweeper'));
    makeUsers(world, chats, store, makeChance(seed, 'users'));
    readNowAndThen(world, chats, store, mostPublished, makeChance(seed, 'readers'));

    const quietMs = Math.max(plan.spanMs * 1.2, plan.spanMs + plan.turns * 2_500 + 61_000);
    const startMs = clock.nowMs;
    const endMs = startMs + Math.max(quietMs, plan.faultsEndMs) + PATIENCE_MS;
    const isSettled = (): boolean => broker.unsettled === 0 && clock.nowMs - startMs > quietMs;
    if (!(await clock.pass(isSettled, endMs)))
      world.violate(
        `${broker.unsettled} events are not settled ${PATIENCE_MS / 60_000} minutes after all faults`,
      );
    let isOver = false;
    void fleet.end().then(() => {
      isOver = true;
    });
    if (!(await clock.pass(() => isOver, clock.nowMs + PATIENCE_MS))) world.violate('a worker does not stop');
  } catch (error) {
    world.violate(String(error));
  } finally {
    process.off('unhandledRejection', onRejection);
  }
  const { paged } = checkEnd({ world, broker, store, redis, published, chats });
  return {
    seed,
    profile: plan.profile,
    violations: [...world.violations],
    traceHash: world.trace.hash,
    trace: world.trace.lines,
    counts: { ...world.counts, paged },
  };

  function sendNonsense(): void {
    const chance = makeChance(seed, 'nonsense');
    if (!chance.happens(0.2)) return;
    const bodies = [
      '{"sessionId":',
      { eventType: 'session_started' },
      { eventType: 'message_completed', sessionId: 's0' },
      undefined,
    ];
    clock.after(chance.between(0, plan.spanMs), () => void broker.send(chance.pick(bodies)));
  }
}

/** An item of somebody else's in a shared container, under the very id. */
function putForeign(store: Store, { sessionId, userId }: Chat): void {
  store.create(keyOf({ userId, sessionId }), { id: sessionId, userId, type: 'settings' } as never, 'user');
}
