import type { Broker } from '../world/broker.ts';
import type { Chat } from '../world/chat.ts';
import type { Redis } from '../world/redis.ts';
import { keyOf, type Store } from '../world/store.ts';
import type { World } from '../world/world.ts';
import type { Published } from './published.ts';
import { copiesOf, headOf, lacking, wholeOf } from './whole.ts';

type Given = {
  world: World;
  broker: Broker;
  store: Store;
  redis: Redis;
  published: Published;
  chats: readonly Chat[];
};

/** What must hold when all faults have ended and the workers had their time. */
export function checkEnd({ world, broker, store, redis, published, chats }: Given): {
  paged: number;
} {
  let paged = 0;
  for (const chat of chats) {
    const item = store.heads.get(keyOf(chat));
    const whole = item && wholeOf(headOf(item), store.segments);
    if (whole?.missing) world.violate(`at the end a listed segment is missing: ${whole.missing}`);
    if (whole?.head.segments) paged += 1;
    if (!mustBeWhole(chat, world)) continue;
    const newest = redis.versionsOf(chat.sessionId).at(-1)?.value;
    const shown = newest && published.snapshotOf(chat.sessionId, newest);
    const lost = shown && lacking(shown.copies, copiesOf(whole?.messages ?? [], chat));
    if (lost) world.violate(`at the end what Redis shows is not stored: ${lost}, in ${chat.sessionId}`);
  }
  for (const queued of broker.queue) {
    const name = `e${queued.sequence}`;
    if (queued.state !== 'completed' && queued.state !== 'dead')
      world.violate(`${name} is left ${queued.state}`);
    if (world.plan.profile !== 'storm' && queued.deliveries > 1)
      world.violate(
        `${name} cost ${queued.deliveries} deliveries, although no process, lock or link was lost`,
      );
  }
  return { paged };
}

/** Where ids tell whether a turn is there, and Redis shows it soon, the last turn is stored although its event was faster. */
const mustBeWhole = (chat: Chat, { plan }: World): boolean =>
  chat.kind === 'good' &&
  !chat.isDeleted &&
  !chat.hasGaps &&
  (chat.ids === 'suffixed' || chat.ids === 'bare') &&
  plan.turnWaitMs >= 2_000;
