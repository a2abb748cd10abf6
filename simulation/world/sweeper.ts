import type { Chance } from '../chance.ts';
import type { Head, Store } from './store.ts';
import type { World } from './world.ts';

const EVERY_MS = 15 * 60_000;
/** Longer than any write takes from its first segment to its head. */
const OLD_MS = 60 * 60_000;

/** Deletes segments that no head lists and that are old, at any time, also during writes. The list first, the heads after. */
export function sweepNowAndThen({ clock, trace, plan }: World, store: Store, chance: Chance): void {
  function sweep(): void {
    const old = [...store.segments.keys()].filter((id) => store.createdAtMs(id) < clock.nowMs - OLD_MS);
    clock.after(chance.between(0, 60_000), () => {
      const heads: Head[] = [...store.heads.values()].map(({ json }) => JSON.parse(json));
      const listed = new Set(heads.flatMap(({ segments = [] }) => segments.map(({ id }) => id)));
      for (const id of old.filter((id) => !listed.has(id)))
        clock.after(chance.between(0, 1_000), () => {
          trace.note(`swept ${id}`);
          store.deleteSegment(id);
        });
    });
    if (clock.nowMs < endMs) clock.after(EVERY_MS, sweep);
  }
  const endMs = clock.nowMs + plan.faultsEndMs;
  clock.after(chance.between(0, EVERY_MS), sweep);
}
