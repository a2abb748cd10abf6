import { Failure } from '../../src/pipeline/failures.ts';
import type { TitleModel } from '../../src/pipeline/ports.ts';
import { courseOf } from './courses.ts';
import { call } from './network.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

const DEADLINE_MS = 20_000;

export type TitleWatch = { asking(process: Process, chat: number): () => void };

/** A model that names a conversation by its number, which each of its messages begins with; some it refuses for good. */
export function titleModelFor(
  world: World,
  process: Process,
  watch: TitleWatch,
  isRefused: (chat: number) => boolean,
): TitleModel {
  return {
    async ask(context) {
      const { chance, plan } = world;
      const chat = Number(/c(\d+) /.exec(JSON.stringify(context))?.[1]);
      const over = watch.asking(process, chat);
      const manner = { service: 'titles', code: 'TitleUnavailable', deadlineMs: DEADLINE_MS } as const;
      const course = courseOf(world, { ...manner, rate: plan.rates.title, isWrite: false });
      const isSlow = world.isStormy() && chance.happens(plan.rates.title);
      if (isSlow) course.afterMs = chance.between(course.afterMs, DEADLINE_MS);
      try {
        return await call(world, process, `ask c${chat}`, course, () => {
          if (isRefused(chat)) throw new Failure('TitleRefused', 'simulated: filtered');
          // Now and then there is no title in it.
          return world.isStormy() && chance.happens(plan.rates.title / 4) ? '""' : titleOf(chat);
        });
      } finally {
        over();
      }
    },
  };
}

export const titleOf = (chat: number): string => `Talk about subject ${chat}`;
