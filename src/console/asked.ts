import { idsFault } from '../operations/ids-fault.ts';
import type { Log } from '../pipeline/ports.ts';
import type { Visitor } from './access.ts';
import type { History } from './history.ts';
import type { Letters } from './letters.ts';
import { makeRate } from './rate.ts';
import type { Replays, Target } from './replays.ts';

export type AskedPorts = {
  letters(): Promise<Letters>;
  replays(): Promise<Replays>;
  history(): Promise<History>;
  log: Log;
};

type Body = Record<string, unknown>;
/** What is known of who asks. */
export type Asking = { visitor: Visitor; body: Body; from: string };
/** A status and what is sent with it, as JSON. */
export type Answer = [status: number, value: unknown];
/** By path. */
export type Answerers = Readonly<Record<string, (asking: Asking) => Promise<Answer>>>;

/**
 * What the page asks for, and what it does: each as often as it may be, and each look-up and replay with a line in the log that
 * says who, and never what was read. @throws what a service throws
 */
export function makeAsked({ letters, replays, history, log }: AskedPorts): {
  reads: Answerers;
  posts: Answerers;
} {
  const lookups = makeRate(30, 1_000);
  const replaying = makeRate(10, 3_000);
  // All viewers look when something new is set aside; what one look has found is told to all.
  const peeks = makeRate(32, 200);

  const reads: Answerers = {
    async '/console/dead-letters'() {
      const taken = peeks.take();
      return taken.ok ? [200, await letters()] : tooOften(taken.afterSeconds);
    },
  };

  const posts: Answerers = {
    async '/console/replays'({ body, visitor, from }) {
      const target = targetOf(body);
      if (!target) return [400, { error: 'expected a reason, or a sequence number' }];
      const taken = replaying.take();
      if (!taken.ok) return tooOften(taken.afterSeconds);
      const begun = (await replays()).begin(target);
      if (begun.kind === 'ending')
        return [503, { error: 'the worker is about to end: nothing more is begun' }];
      if (begun.kind === 'begun')
        log.info(
          { ...target, replay: begun.replay.id, by: visitor.name, from },
          'console: a replay was begun',
        );
      return [begun.kind === 'another' ? 409 : 202, begun];
    },

    async '/console/conversations'({ body: { userId, continuation }, visitor, from }) {
      const fault = idsFault({ sessionId: 'any', userId: userId as string });
      if (fault !== undefined) return [400, { error: fault }];
      if (continuation !== undefined && typeof continuation !== 'string')
        return [400, { error: 'continuation is no string' }];
      const taken = lookups.take();
      if (!taken.ok) return tooOften(taken.afterSeconds);
      const found = await (await history()).list(userId as string, continuation);
      const told = { userId, found: found.conversations.length, by: visitor.name, from };
      log.info(told, 'console: the conversations of a user were listed');
      return [200, found];
    },

    async '/console/conversation'({ body: { sessionId, userId }, visitor, from }) {
      const fault = idsFault({ sessionId: sessionId as string, userId: (userId ?? 'any') as string });
      if (fault !== undefined) return [400, { error: fault }];
      const taken = lookups.take();
      if (!taken.ok) return tooOften(taken.afterSeconds);
      const found = await (await history()).find(sessionId as string, userId as string | undefined);
      const owner = found.kind === 'conversation' ? found.conversation.userId : userId;
      const told = { sessionId, ...(owner === undefined ? {} : { userId: owner }), found: found.kind };
      log.info({ ...told, by: visitor.name, from }, 'console: a conversation was looked up');
      return [200, found];
    },

    async '/console/conversation-page'({ body: { sessionId, userId, page }, visitor, from }) {
      const ids = { sessionId: sessionId as string, userId: userId as string };
      const fault = idsFault(ids);
      if (fault !== undefined) return [400, { error: fault }];
      if (typeof page !== 'string' || !/^~seg\|[\w-]{1,64}$/.test(page))
        return [400, { error: 'page is none that a conversation lists' }];
      const taken = lookups.take();
      if (!taken.ok) return tooOften(taken.afterSeconds);
      const messages = await (await history()).page(ids, page);
      log.info({ ...ids, page, by: visitor.name, from }, 'console: older messages were read');
      return messages ? [200, { messages }] : [410, { error: 'the conversation has changed meanwhile' }];
    },
  };

  return { reads, posts };
}

/** So it is answered where more is asked for than may be. */
export const tooOften = (afterSeconds: number): Answer => [
  429,
  { error: `too often: again in ${afterSeconds} s`, afterSeconds },
];

/** Of Service Bus; it may be anything. */
const MAX_REASON = 4_096;

function targetOf({ reason, sequenceNumber }: Body): Target | undefined {
  if (typeof sequenceNumber === 'string' && reason === undefined)
    return /^\d{1,20}$/.test(sequenceNumber) ? { sequenceNumber } : undefined;
  const isReason = typeof reason === 'string' && reason !== '' && reason.length <= MAX_REASON;
  return isReason && sequenceNumber === undefined ? { reason } : undefined;
}
