import type { Message } from '../history/conversation.ts';
import { cleanTitle, titleContext } from '../history/title.ts';
import { Failure } from './failures.ts';
import type { Log, TitleModel } from './ports.ts';
import { makeSlots } from './slots.ts';

export type TitleOutcome = { title: string } | { titleRefused: true } | { none: true };

export type Titling = {
  /** One request for a conversation at a time: whoever asks meanwhile gets the same answer. Never rejects. */
  request(key: string, messages: readonly Message[]): Promise<TitleOutcome>;
};

/** Asks the model within a bound of its own, cleans the answer, and turns every failure into the fallback. */
export function makeTitling(model: TitleModel, maxConcurrency: number, log: Log): Titling {
  const slots = makeSlots(maxConcurrency);
  const underWay = new Map<string, Promise<TitleOutcome>>();

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
      if (!(error instanceof Failure)) throw error;
      log.warn({ code: error.code, reason: error.message }, 'no title');
      return error.code === 'TitleRefused' ? { titleRefused: true } : { none: true };
    } finally {
      slots.give();
    }
  }

  return {
    request(key, messages) {
      let request = underWay.get(key);
      if (!request) {
        request = ask(messages).finally(() => underWay.delete(key));
        underWay.set(key, request);
      }
      return request;
    },
  };
}
