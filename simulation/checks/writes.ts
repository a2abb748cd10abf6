import type { Chat } from '../world/chat.ts';
import { type Head, type Item, isUntitled, type Store } from '../world/store.ts';
import { titleOf } from '../world/title-model.ts';
import type { World } from '../world/world.ts';
import type { Copies } from './whole.ts';
import { copiesOf, headOf, lacking, nameOf, type Whole, wholeOf } from './whole.ts';

/** What must hold at every write of a head: nothing shrinks, nothing is listed that is not there, a user's word stays. */
export function checkWrite(
  world: World,
  chat: Chat,
  segments: Store['segments'],
  mostPublished: () => Copies,
  { former, head, by }: { former: Item | undefined; head: Head; by: string },
): void {
  const fail = (text: string): void => world.violate(`${text}, in ${chat.sessionId}`);
  const isUser = by === 'user';
  const whole = wholeOf(head, segments);
  if (!whole || whole.missing)
    return void fail(`a head lists a segment that is not there: ${whole?.missing}`);
  const copies = copiesOf(whole.messages, chat);
  if (former) {
    const before = headOf(former);
    const formerWhole = wholeOf(before, segments);
    if (!formerWhole) return void fail('an item that is no conversation is written over');
    if (formerWhole.missing) fail(`a listed segment was deleted: ${formerWhole.missing}`);
    const lost = lacking(copiesOf(formerWhole.messages, chat), copies);
    if (lost) fail(`a write loses a message: ${lost}`);
    if (Date.parse(head.lastActivity) < Date.parse(before.lastActivity)) fail('lastActivity goes back');
    if (Date.parse(head.createdAt) > Date.parse(before.createdAt)) fail('createdAt comes to be later');
    if (before.deletedAt && !isUser) fail('a deleted conversation is written');
    if (!isUser && !isUntitled(before.title) && head.title !== before.title) fail('a title is overwritten');
    if (!isUser && before.pinned !== head.pinned) fail('a field that is not ours is lost');
  }
  const repeated = lacking(copies, mostPublished());
  if (repeated) fail(`a message is stored more often than it was ever shown: ${repeated}`);
  const titles = [titleOf(chat.index), chat.ownTitle];
  if (!isUser && !former && !isUntitled(head.title) && !titles.includes(head.title))
    fail(`a title of nobody's: ${head.title}`);
  if (!isUser) checkSize(world, head, fail);
  checkOrder(chat, whole, fail);
}

/** A head is a page large at most, unless it is one message. */
function checkSize({ plan }: World, { messages }: Head, fail: (text: string) => void): void {
  if (messages.length > 1 && Buffer.byteLength(JSON.stringify(messages)) > plan.pageBytes + 2)
    fail('a head is larger than a page');
}

/** The publisher's order, where it can be known: those without times or names of their own have none. */
function checkOrder(chat: Chat, { messages }: Whole, fail: (text: string) => void): void {
  if (chat.ids === 'copies') return;
  const places = new Map(chat.said.map(({ message }, index) => [nameOf(message as never, chat), index]));
  let last = -1;
  for (const message of messages) {
    const place = places.get(nameOf(message, chat));
    if (place === undefined) continue;
    if (place < last) return void fail(`message ${place} stands behind message ${last}`);
    last = place;
  }
}
