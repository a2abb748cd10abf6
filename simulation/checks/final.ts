import type { Broker } from '../world/broker.ts';
import type { Chat } from '../world/chat.ts';
import { keyOf, type Store } from '../world/store.ts';
import type { World } from '../world/world.ts';
import { headOf, wholeOf } from './whole.ts';

type Given = {
  world: World;
  broker: Broker;
  store: Store;
  chats: readonly Chat[];
};

/** What must hold when all faults have ended and the workers had their time. */
export function checkEnd({ world, broker, store, chats }: Given): {
  paged: number;
} {
  let paged = 0;
  for (const chat of chats) {
    const item = store.heads.get(keyOf(chat));
    const whole = item && wholeOf(headOf(item), store.segments);
    if (whole?.missing) world.violate(`at the end a listed segment is missing: ${whole.missing}`);
    if (whole?.head.segments) paged += 1;
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
