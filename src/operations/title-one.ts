import { isUntitled, readDocument } from '../history/document.ts';
import { type TitleLine, titleContext, titlePrompt } from '../history/title.ts';
import { backOff } from '../pipeline/back-off.ts';
import { keyOf } from '../pipeline/conversation-key.ts';
import type { FailureCode } from '../pipeline/failures.ts';
import type { Clock, HistoryStore, Ids, TitleModel } from '../pipeline/ports.ts';
import { storeTitle } from '../pipeline/store-title.ts';
import type { TitleGate } from '../pipeline/title-gate.ts';
import { makeTitling, type TitleJob, type Titling } from '../pipeline/titling.ts';
import type { Patience } from './patience.ts';
import { quiet } from './quiet.ts';
import { mostTokens, type TokenBudget } from './token-budget.ts';

/** What became of one conversation without a title. */
export type Titled =
  /** It has one now; somebody named or deleted it meanwhile; the model refused for good; nobody has said anything in it. */
  | { kind: 'titled' | 'overtaken' | 'refused' | 'wordless' }
  /** It was not asked for: the budget is used up. */
  | { kind: 'over-budget' }
  | { kind: 'failed'; code: FailureCode };

export type TitlePorts = {
  store: HistoryStore;
  model: TitleModel;
  gate: TitleGate;
  budget: TokenBudget;
  patience: Patience;
  clock: Clock;
  signal: AbortSignal;
};

/** A model that answers others is asked so often for one conversation. */
const MAX_ATTEMPTS = 3;
const LOOK_EVERY_MS = 200;

/**
 * Gives one conversation its title as the worker does: by the same question, and by the patch that holds only while it has none.
 * A model that is away is waited for. Undefined: `signal` aborted before there was an answer.
 * @throws Failure of Cosmos DB that time does not mend
 */
export async function titleOne(ids: Ids, ports: TitlePorts): Promise<Titled | undefined> {
  const { store, patience } = ports;
  const beginning = await patience.wait(() => beginningOf(ids, store));
  if ('kind' in beginning) return beginning;
  const context = titleContext(beginning.messages);
  if (context.length === 0) return { kind: 'wordless' };
  const asked = await ask(ids, beginning, mostTokens(bytesOf(context)), ports);
  if (!asked || 'kind' in asked) return asked;
  let isOvertaken = false;
  const watched: HistoryStore = {
    ...store,
    async setTitle(of, title) {
      const result = await store.setTitle(of, title);
      isOvertaken = result === 'conflict';
      return result;
    },
  };
  const isStored = await patience.wait(() =>
    storeTitle(ids, keyOf(ids), asked.job, { store: watched, titling: asked.titling }),
  );
  if (isOvertaken) return { kind: 'overtaken' };
  if (!isStored) return { kind: 'failed', code: 'TitleUnusable' };
  return { kind: asked.job.outcome && 'titleRefused' in asked.job.outcome ? 'refused' : 'titled' };
}

type Beginning = { messages: Parameters<typeof titleContext>[0] };

/** The messages that the worker makes a title from: the first ones, on whatever page they are. */
async function beginningOf(ids: Ids, store: HistoryStore): Promise<Beginning | Titled> {
  const stored = await store.read(ids);
  const found = stored && readDocument(stored.item, ids);
  if (!found || found.kind === 'tombstone') return { kind: 'overtaken' };
  if (found.kind === 'foreign') return { kind: 'failed', code: 'ForeignItem' };
  const { title, titleRefused, segments, messages } = found.document;
  if (!isUntitled(title) || titleRefused) return { kind: 'overtaken' };
  const first = segments?.[0] && (await store.readSegment(ids, segments[0].id));
  return { messages: first ?? messages };
}

async function ask(
  ids: Ids,
  { messages }: Beginning,
  tokens: number,
  { model, gate, budget, clock, signal }: TitlePorts,
): Promise<{ job: TitleJob; titling: Titling } | Titled | undefined> {
  let failed: FailureCode | undefined;
  const titling = makeTitling({
    model,
    gate,
    maxConcurrency: 1,
    log: {
      ...quiet,
      warn({ code }) {
        failed = code as FailureCode;
      },
    },
  });
  for (let attempts = 0; !signal.aborted; ) {
    // What is under way may turn out to cost less than it could.
    while (!budget.reserve(tokens)) {
      if (budget.reserved === 0 || signal.aborted) return { kind: 'over-budget' };
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
    failed = undefined;
    const job = titling.job(keyOf(ids), messages);
    const outcome = await job.answered.finally(() => budget.settle(tokens));
    if (!('none' in outcome)) return { job, titling };
    if (failed === 'TitleUnusable') return { kind: 'failed', code: failed };
    // Without a failure it was not asked: the gate is closed.
    if (failed) attempts += 1;
    if (failed && attempts >= MAX_ATTEMPTS && gate.state.isOpen) return { kind: 'failed', code: failed };
    await clock.sleep(failed ? backOff(attempts, clock) : LOOK_EVERY_MS, signal);
  }
  return undefined;
}

function bytesOf(context: readonly TitleLine[]): number {
  const { system, user } = titlePrompt(context);
  return Buffer.byteLength(system + user);
}
