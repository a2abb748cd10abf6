import type { Chance } from '../chance.ts';
import type { Chat } from '../world/chat.ts';
import { latency } from '../world/network.ts';
import { keyOf, type Message, type Store } from '../world/store.ts';
import type { World } from '../world/world.ts';
import { type Copies, copiesOf, headOf, lacking } from './whole.ts';

/** Somebody who reads a conversation as one may: the head, then its segments one after another, beginning again where one is missing. */
export function readNowAndThen(
  world: World,
  chats: readonly Chat[],
  store: Store,
  mostPublished: (chat: Chat) => Copies,
  chance: Chance,
): void {
  const { clock, plan } = world;
  /** What readers have seen of each conversation so far: nothing of it may be missing later. */
  const seen = new Map<Chat, Copies>();

  function read(chat: Chat, formerEtag?: string): void {
    const item = store.heads.get(keyOf(chat));
    if (!item || chat.kind !== 'good') return;
    const known = seen.get(chat);
    const head = headOf(item);
    const messages: Message[] = [];
    const ids = (head.segments ?? []).map(({ id }) => id);
    const next = (): void => {
      const id = ids.shift();
      if (id === undefined) return void judge(chat, [...messages, ...head.messages], known);
      const json = store.segments.get(id);
      if (json === undefined) {
        if (item.etag === formerEtag)
          return void world.violate(`a reader of ${chat.sessionId} misses ${id} for good`);
        return void clock.after(latency(world, 'cosmos'), () => read(chat, item.etag));
      }
      messages.push(...JSON.parse(json).messages);
      clock.after(latency(world, 'cosmos'), next);
    };
    clock.after(latency(world, 'cosmos'), next);
  }

  function judge(chat: Chat, messages: Message[], known: Copies | undefined): void {
    const copies = copiesOf(messages, chat);
    const lost = known && lacking(known, copies);
    if (lost) world.violate(`a reader of ${chat.sessionId} misses what was there: ${lost}`);
    const repeated = lacking(copies, mostPublished(chat));
    if (repeated) world.violate(`a reader of ${chat.sessionId} sees twice: ${repeated}`);
    seen.set(chat, copies);
  }

  for (let times = 0; times < 8; times += 1)
    clock.after(chance.between(0, plan.spanMs * 1.2), () => read(chance.pick(chats)));
}
