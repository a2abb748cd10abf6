import type { Message } from '../history/conversation.ts';
import { cleanTitle, titleContext } from '../history/title.ts';
import { Failure } from './failures.ts';
import type { Log, TitleModel } from './ports.ts';
import { makeSlots } from './slots.ts';

export type TitleOutcome = { title: string } | { titleRefused: true } | { none: true };

/** One request for one conversation, from the question until what it brought is stored. */
export type TitleJob = {
  /** Known once the model has answered. */
  outcome: TitleOutcome | undefined;
  /** Never rejects: a failure is an outcome. */
  readonly answered: Promise<TitleOutcome>;
  /** The patch under way that stores it, shared by all whose events wait; tells whether history has a title then. */
  stored: Promise<boolean> | undefined;
};

export type Titling = {
  /** The job of a conversation: the one under way, if there is one, so that the model is asked once. */
  job(key: string, messages: readonly Message[]): TitleJob;
  /** To be called when history has a title: the job has done its work, or has been overtaken. */
  forget(key: string): void;
};

/** Asks the model within a bound of its own, cleans the answer, and turns every failure into an outcome. */
export function makeTitling(model: TitleModel, maxConcurrency: number, log: Log): Titling {
  const slots = makeSlots(maxConcurrency);
  const jobs = new Map<string, TitleJob>();

  async function ask(messages: readonly Message[]): Promise<TitleOutcome> {
    const context = titleContext(messages);
    if (context.length === 0) return { none: true };
    await slots.take();
    try {
      const title = cleanTitle(await model.ask(context));
      if (title !== undefined) return { title };
      log.warn({ code: 'TitleUnusable' }, 'the model gave no usable title');
      return { none: true };
    } catch (error) {
      const { code, message } =
        error instanceof Failure
          ? error
          : { code: 'TitleUnavailable' as const, message: (error as Error).name };
      log.warn({ code, reason: message }, 'no title');
      return code === 'TitleRefused' ? { titleRefused: true } : { none: true };
    } finally {
      slots.give();
    }
  }

  return {
    job(key, messages) {
      const underWay = jobs.get(key);
      if (underWay) return underWay;
      const job: TitleJob = { outcome: undefined, answered: ask(messages), stored: undefined };
      jobs.set(key, job);
      void job.answered.then((outcome) => {
        job.outcome = outcome;
        // There is nothing to store: a later event may ask again.
        if ('none' in outcome) jobs.delete(key);
      });
      return job;
    },
    forget: (key) => void jobs.delete(key),
  };
}
