/** A way to break the worker that the simulation must notice. Each text occurs in its file once. */
export type Mutant = {
  name: string;
  /** Where to begin, if it shows in few runs only. */
  fromSeed?: number;
  changes: { file: string; from: string; to: string }[];
};

export const mutants: Mutant[] = [
  {
    name: 'a write without a condition',
    changes: [
      {
        file: 'src/pipeline/write-pages.ts',
        from: 'store.replace(head, etag)',
        to: 'store.read(ids).then((found) => store.replace(head, found!.etag))',
      },
    ],
  },
  {
    name: 'a settlement before the write',
    changes: [
      {
        file: 'src/pipeline/lanes.ts',
        from: 'const { key, event } = left[0]!;',
        to: "const { key, event } = left[0]!; settleAll(left, { kind: 'complete' });",
      },
      { file: 'src/pipeline/lanes.ts', from: '=> left.some((work) => !work.settled)', to: '=> true' },
    ],
  },
  {
    name: 'a merge that replaces',
    changes: [
      {
        file: 'src/history/merge.ts',
        from: 'mergeMessages(stored.messages, snapshot.messages, snapshotAt - storedAt)',
        to: 'snapshotAt >= storedAt ? snapshot.messages : stored.messages',
      },
    ],
  },
  {
    name: 'results of tools that are taken for one another',
    fromSeed: 180,
    changes: [
      {
        file: 'src/history/identity.ts',
        from: 'return isShortId(id) && ',
        to: 'return false && isShortId(id) && ',
      },
    ],
  },
  {
    name: 'a round that fails and forgets what it has read',
    changes: [{ file: 'src/pipeline/persist.ts', from: 'else unstored();', to: 'else void unstored;' }],
  },
  {
    name: 'an event that was faster than its turn and is not waited for',
    fromSeed: 360,
    changes: [
      { file: 'src/history/turn.ts', from: 'return isDoubtful && ', to: 'return false && isDoubtful && ' },
    ],
  },
  {
    name: 'a segment left out of a merge although its messages may be later',
    changes: [
      { file: 'src/history/coverage.ts', from: 'return latestMs < lookup.earliestMs && ', to: 'return ' },
    ],
  },
];
