import type { ScanNode, ScanPage, SessionScan } from '../azure/redis-scan.ts';
import { backOff } from '../pipeline/back-off.ts';
import { Failure } from '../pipeline/failures.ts';
import type { Clock } from '../pipeline/ports.ts';
import type { Walk } from './reconcile-state.ts';

/** How often the nodes are looked at while all that are left are away. */
const LOOK_EVERY_MS = 1_000;

export type WalkOptions = {
  scan: SessionScan;
  /** Where to go on; brought up to date after each page. */
  walk: Walk;
  /** What to do with a page. When it answers false, the page is not done. */
  onPage: (sessionIds: readonly Buffer[]) => Promise<boolean>;
  /** The walk has come so far. */
  onStep: () => void;
  /** Told of a node that is away, once for each time. */
  say: (line: string) => void;
  clock: Clock;
  signal: AbortSignal;
};

/**
 * Goes over the sessions of every node, page by page. A node that is away is tried again, after the others; one that is no master
 * any more has its successor gone through instead. Answers whether it came to the end.
 */
export async function walkSessions({
  scan,
  walk,
  onPage,
  onStep,
  say,
  clock,
  signal,
}: WalkOptions): Promise<boolean> {
  /** Nodes whose process has been asked for, and nodes that are away. */
  const known = new Set<string>();
  const away = new Map<string, { failures: number; untilMs: number }>();

  /** Undefined: the node is away. */
  async function next(node: ScanNode): Promise<ScanPage | undefined> {
    try {
      if (!known.has(node.id)) await meet(node, scan, walk);
      known.add(node.id);
      const page = await scan.page(node, walk.nodes[node.id]!.cursor);
      if (away.delete(node.id)) say(`${node.name} answers again`);
      return page;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const failures = (away.get(node.id)?.failures ?? 0) + 1;
      if (failures === 1) say(`${error.code}: ${error.message}: waiting for it to pass`);
      away.set(node.id, { failures, untilMs: clock.now() + backOff(failures, clock) });
      // It may come back as another process.
      known.delete(node.id);
      return undefined;
    }
  }

  while (!signal.aborted) {
    const nodes = scan.nodes();
    const left = nodes.filter(({ id }) => !walk.nodes[id]?.isDone);
    if (nodes.length > 0 && left.length === 0) return true;
    const restMs = ({ id }: ScanNode): number => (away.get(id)?.untilMs ?? 0) - clock.now();
    const node = left.find((each) => restMs(each) <= 0);
    const page = node && (await next(node));
    if (!node) await clock.sleep(Math.max(50, Math.min(...left.map(restMs), LOOK_EVERY_MS)), signal);
    if (!node || !page) continue;
    if (!(await onPage(page.sessionIds))) return false;
    Object.assign(walk.nodes[node.id]!, { cursor: page.cursor, isDone: page.cursor === '0' });
    onStep();
  }
  return false;
}

/** Begins a node, or goes on with it if it still is the process that gave out the cursor, as far as that can be told. */
async function meet({ id, name }: ScanNode, scan: SessionScan, walk: Walk): Promise<void> {
  const runId = await scan.runId({ id, name });
  const before = walk.nodes[id];
  if (before && before.runId === runId) return;
  walk.nodes[id] = { name, cursor: '0', isDone: false, ...(runId === undefined ? {} : { runId }) };
}
