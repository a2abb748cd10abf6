import { DeadlineError, withDeadline } from '../azure/deadline.ts';
import { describeError, seeAbove } from './errors.ts';

export type Status = 'ok' | 'warning' | 'failure';

/** What a check has found, and, unless all is well, the command or variable that mends it. */
export type Finding = { status: Status; found: string; mend?: string | undefined };

export type Check = {
  /** Under which heading it stands. */
  service: string;
  name: string;
  /** May throw: that is a failure, told by the error. */
  look(): Promise<Finding>;
  deadlineMs?: number;
  /** What to do where there is no answer at all; the lines of the network, unless it says otherwise. */
  unanswered?: string;
};

export type Checked = Finding & { service: string; name: string; tookMs: number };

/** Longer than the worker's own deadlines of a call. */
const DEADLINE_MS = 10_000;

/** Looks, under a deadline. Never rejects. */
export async function runCheck({
  service,
  name,
  look,
  deadlineMs = DEADLINE_MS,
  unanswered = seeAbove('network'),
}: Check): Promise<Checked> {
  const startedMs = performance.now();
  const finding = await withDeadline(deadlineMs, name, look).catch((error: unknown): Finding => {
    return error instanceof DeadlineError
      ? failure(`no answer within ${deadlineMs / 1000} s`, unanswered)
      : failure(describeError(error));
  });
  return { service, name, ...finding, tookMs: Math.round(performance.now() - startedMs) };
}

/** What a check has found, under each status. */
export const ok = (found: string, mend?: string): Finding => ({ status: 'ok', found, mend });
export const warning = (found: string, mend?: string): Finding => ({ status: 'warning', found, mend });
export const failure = (found: string, mend?: string): Finding => ({ status: 'failure', found, mend });
