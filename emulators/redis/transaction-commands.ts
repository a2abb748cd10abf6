import { array, error, ok, simple } from './reply.ts';
import type { Command, Session } from './session.ts';

/** Commands that go together, as pipelines of some clients do without being asked. Nobody's are in between: there is one thread. */
export const transactionCommands: Record<string, Command> = {
  MULTI: {
    arity: 1,
    run(_, { session }) {
      if (session.queue) return error('ERR MULTI calls can not be nested');
      session.queue = { runs: [], isSpoilt: false };
      return ok;
    },
  },
  EXEC: {
    arity: 1,
    run(_, { session }) {
      const { queue } = session;
      if (!queue) return error('ERR EXEC without MULTI');
      session.queue = undefined;
      if (queue.isSpoilt) return error('EXECABORT Transaction discarded because of previous errors.');
      return array(queue.runs.map((run) => run()));
    },
  },
  DISCARD: {
    arity: 1,
    run(_, { session }) {
      if (!session.queue) return error('ERR DISCARD without MULTI');
      session.queue = undefined;
      return ok;
    },
  },
};

const QUEUED = simple('QUEUED');

/** Whether a command waits for EXEC now. */
export const isQueued = (name: string, { queue }: Session): boolean =>
  queue !== undefined && name !== 'QUIT' && !(name in transactionCommands);

export function enqueue(session: Session, run: NonNullable<Session['queue']>['runs'][number]) {
  session.queue?.runs.push(run);
  return QUEUED;
}
