import { cleanTitle } from '../history/clean-title.ts';
import type { Message } from '../history/conversation.ts';
import { type TitleLine, titleContext } from '../history/title.ts';
import { idsOfKey } from './conversation-key.ts';
import { Failure } from './failures.ts';
import type { Log, TitleModel } from './ports.ts';
import { makeSlots } from './slots.ts';
import type { TitleGate } from './title-gate.ts';
import { type TitleResult, unwatched, type Watch } from './watch.ts';

export type TitleOutcome = { title: string } | { titleRefused: true } | { none: true };

/** One request for one conversation, from the question until what it brought is stored. */
export type TitleJob = {
  /** Known once the model has answered. */
  outcome: TitleOutcome | undefined;
  /** Never rejects: a failure is an outcome. */
  readonly answered: Promise<TitleOutcome>;
  /** The patch under way that stores it, shared by all whose events wait; tells whether history has a title then. */
  stored: Promise<boolean> | undefined;
  /** History has a title by now: there is nothing to ask any more. */
  overtaken: boolean;
};

export type Titling = {
  /** The job of a conversation: the one under way, if there is one, so that the model is asked once. */
  job(key: string, messages: readonly Message[]): TitleJob;
  /** The one under way, if there is one. */
  underWay(key: string): TitleJob | undefined;
  /** To be called when history has a title: the job has done its work, or, unless told otherwise, has been overtaken. */
  forget(key: string, result?: TitleResult): void;
};

export type TitlingOptions = {
  model: TitleModel;
  gate: TitleGate;
  maxConcurrency: number;
  log: Log;
  watch?: Watch;
};

/** Asks the model within a bound of its own, cleans the answer, and turns every failure into an outcome. */
export function makeTitling({
  model,
  gate,
  maxConcurrency,
  log,
  watch = unwatched,
}: TitlingOptions): Titling {
  const slots = makeSlots(maxConcurrency);
  const jobs = new Map<string, TitleJob>();

  // It is given the context alone: for as long as the model takes, nothing holds the conversation in memory.
  async function ask(
    key: string,
    context: readonly TitleLine[],
    isOvertaken: () => boolean,
  ): Promise<TitleOutcome> {
    if (context.length === 0) return { none: true };
    await slots.take();
    try {
      // Behind the slot: those that queue while the model goes away need not each wait for it.
      if (isOvertaken() || !gate.admits()) return { none: true };
      const answer = await model.ask(context);
      gate.succeeded();
      const title = cleanTitle(answer);
      if (title !== undefined) return { title };
      watch.titled('unusable');
      log.warn({ code: 'TitleUnusable', ...idsOfKey(key) }, 'the model gave no usable title');
      return { none: true };
    } catch (error) {
      const { code, message } =
        error instanceof Failure
          ? error
          : { code: 'TitleUnavailable' as const, message: (error as Error).name };
      if (code === 'TitleRefused') gate.succeeded();
      else gate.failed(key, message);
      watch.titled(code === 'TitleRefused' ? 'refused' : 'unavailable');
      log.warn({ code, ...idsOfKey(key), reason: message }, 'no title');
      return code === 'TitleRefused' ? { titleRefused: true } : { none: true };
    } finally {
      slots.give();
    }
  }

  return {
    job(key, messages) {
      const underWay = jobs.get(key);
      if (underWay) return underWay;
      const job: TitleJob = {
        outcome: undefined,
        answered: ask(key, titleContext(messages), () => job.overtaken),
        stored: undefined,
        overtaken: false,
      };
      jobs.set(key, job);
      void job.answered.then((outcome) => {
        job.outcome = outcome;
        if ('title' in outcome && job.overtaken) watch.titled('overtaken');
        // There is nothing to store: a later event may ask again.
        if ('none' in outcome || job.overtaken) jobs.delete(key);
      });
      return job;
    },
    underWay: (key) => jobs.get(key),
    forget(key, result = 'overtaken') {
      const job = jobs.get(key);
      if (!job) return;
      // The model is not asked again while it still works on the first request.
      if (!job.outcome) {
        job.overtaken = true;
        return;
      }
      jobs.delete(key);
      if ('title' in job.outcome) watch.titled(result);
    },
  };
}
