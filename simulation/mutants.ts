/** A way to break the worker that the simulation must notice. Each text occurs in its file once. */
export type Mutant = { name: string; changes: { file: string; from: string; to: string }[] };

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
      { file: 'src/pipeline/lanes.ts', from: '() => left.some((work) => !work.settled)', to: '() => true' },
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
];
