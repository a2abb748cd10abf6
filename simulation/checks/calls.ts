import type { Process } from '../world/process.ts';
import { type Item, isUntitled } from '../world/store.ts';
import type { World } from '../world/world.ts';
import { headOf } from './whole.ts';

/** These belong to a round, one after another. Segments are written several at once; a title is set beside the rounds. */
const inRound = new Set(['get', 'read', 'create', 'replace', 'append']);

/** What a process may do at once (SPEC §4, §5). */
export function makeCallChecks(world: World) {
  const { plan } = world;
  const underWay = new Map<Process, Map<string, number>>();
  const asked = new Map<Process, Set<number>>();
  const shownItems = new Map<Process, Map<string, Item | undefined>>();
  const of = <T>(all: Map<Process, T>, process: Process, make: () => T): T => {
    if (!all.has(process)) all.set(process, make());
    return all.get(process)!;
  };

  return {
    calling(process: Process, sessionId: string, what: string): () => void {
      if (!process.isAlive || !inRound.has(what)) return () => undefined;
      const sessions = of(underWay, process, () => new Map());
      const others = sessions.get(sessionId) ?? 0;
      if (others > 0) world.violate(`${process.name} works on ${sessionId} twice at once (${what})`);
      sessions.set(sessionId, others + 1);
      if (sessions.size > plan.maxConcurrency)
        world.violate(
          `${process.name} works on ${sessions.size} conversations, at most ${plan.maxConcurrency}`,
        );
      return () => {
        if (others === 0) sessions.delete(sessionId);
        else sessions.set(sessionId, others);
      };
    },
    shown(process: Process, key: string, item: Item | undefined): void {
      of(shownItems, process, () => new Map()).set(key.split(' ')[1]!, item);
    },
    asking(process: Process, chat: number): () => void {
      if (!process.isAlive) return () => undefined;
      const chats = of(asked, process, () => new Set<number>());
      if (chats.has(chat)) world.violate(`${process.name} asks for a title of s${chat} twice at once`);
      const item = shownItems.get(process)?.get(`s${chat}`);
      if (item && !isUntitled(headOf(item).title))
        world.violate(`${process.name} asks for a title of s${chat}, which it knows to have one`);
      chats.add(chat);
      return () => void chats.delete(chat);
    },
    isAsking: (process: Process, chat: number): boolean => asked.get(process)?.has(chat) ?? false,
    holds(process: Process, events: number): void {
      if (events > plan.maxLockedEvents)
        world.violate(`${process.name} holds ${events} events, at most ${plan.maxLockedEvents}`);
    },
  };
}
