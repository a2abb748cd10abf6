import { describe, expect, test } from 'vitest';
import type { ScanNode, SessionScan } from '../azure/redis-scan.ts';
import { Failure } from '../pipeline/failures.ts';
import { newWalk, type Walk } from './reconcile-state.ts';
import { walkSessions } from './reconcile-walk.ts';

type FakeNode = { runId?: string; pages: string[][]; isAway?: boolean };

/** Nodes in memory; a cursor is the number of the next page, and '0' the end. */
function setUp(nodes: Record<string, FakeNode>) {
  let now = 0;
  const asked: string[] = [];
  const reach = ({ id }: ScanNode): FakeNode => {
    const node = nodes[id];
    if (!node || node.isAway) throw new Failure('CacheUnavailable', `${id} is away`);
    return node;
  };
  const scan: SessionScan = {
    nodes: () => Object.keys(nodes).map((id) => ({ id, name: `name of ${id}` })),
    runId: async (node) => reach(node).runId,
    size: async (node) => reach(node).pages.length,
    async page(node, cursor) {
      asked.push(`${node.id} ${cursor}`);
      const { pages } = reach(node);
      const next = Number(cursor) + 1;
      const sessionIds = (pages[Number(cursor)] ?? []).map((id) => Buffer.from(id));
      return { cursor: next < pages.length ? String(next) : '0', sessionIds };
    },
    close: () => undefined,
  };
  const seen: string[] = [];
  const said: string[] = [];
  return {
    nodes,
    seen,
    said,
    asked,
    async walk(walk: Walk = newWalk('redis:1', new Date(0)), onPage?: (ids: string[]) => boolean) {
      const stopping = new AbortController();
      const isComplete = await walkSessions({
        scan,
        walk,
        async onPage(sessionIds) {
          const ids = sessionIds.map(String);
          seen.push(...ids);
          return onPage?.(ids) ?? true;
        },
        onStep: () => undefined,
        say: (line) => said.push(line),
        clock: {
          now: () => now,
          random: () => 1,
          async sleep(ms) {
            now += ms;
            if (now > 600_000) stopping.abort();
          },
        },
        signal: stopping.signal,
      });
      return { isComplete, walk };
    },
  };
}

test('goes through every page of every node, and is complete then', async () => {
  const { walk, seen } = setUp({ a: { pages: [['1', '2'], [], ['3']] }, b: { pages: [['4']] } });
  expect((await walk()).isComplete).toBe(true);
  expect(seen).toEqual(['1', '2', '3', '4']);
});

test('goes on behind the last page that was done, and not behind one that was not', async () => {
  const { walk, seen } = setUp({ a: { runId: 'r', pages: [['1'], ['2'], ['3']] } });
  const first = await walk(undefined, (ids) => !ids.includes('2'));
  expect(first.isComplete).toBe(false);
  expect((await walk(structuredClone(first.walk))).isComplete).toBe(true);
  expect(seen).toEqual(['1', '2', '2', '3']);
});

describe('a node', () => {
  test('that is another process by now begins anew; one that was done stays done', async () => {
    const { walk, seen, nodes } = setUp({
      done: { runId: 'd', pages: [['0']] },
      a: { runId: 'before', pages: [['1'], ['2']] },
    });
    const first = await walk(undefined, (ids) => !ids.includes('2'));
    nodes.a!.runId = 'after';
    nodes.done!.runId = 'after';
    await walk(first.walk);
    expect(seen).toEqual(['0', '1', '2', '1', '2']);
  });

  test('that tells of no process is gone on with', async () => {
    const { walk, seen } = setUp({ a: { pages: [['1'], ['2']] } });
    const first = await walk(undefined, (ids) => !ids.includes('2'));
    await walk(first.walk);
    expect(seen).toEqual(['1', '2', '2']);
  });

  test('that is away is waited for, while the others go on', async () => {
    const scene = setUp({ a: { pages: [['1'], ['2']], isAway: true }, b: { pages: [['3'], ['4'], ['5']] } });
    const { isComplete } = await scene.walk(undefined, (ids) => {
      if (ids.includes('5')) scene.nodes.a!.isAway = false;
      return true;
    });
    expect(isComplete).toBe(true);
    expect(scene.seen).toEqual(['3', '4', '5', '1', '2']);
    expect(scene.said).toEqual([
      'CacheUnavailable: a is away: waiting for it to pass',
      'name of a answers again',
    ]);
  });

  test('that is replaced in the middle is gone through again in its successor', async () => {
    const { walk, seen, nodes } = setUp({ a: { pages: [['1'], ['2'], ['3']] } });
    const { isComplete } = await walk(undefined, (ids) => {
      if (ids.includes('2') && nodes.a) {
        nodes.successor = nodes.a;
        delete nodes.a;
      }
      return true;
    });
    expect(isComplete).toBe(true);
    expect(seen).toEqual(['1', '2', '1', '2', '3']);
  });
});

test('where no node is known it is not complete', async () => {
  expect((await setUp({}).walk()).isComplete).toBe(false);
});
