import { DeadlineError, withDeadline } from '../azure/deadline.ts';
import { describeError } from './errors.ts';

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
};

export type Checked = Finding & { service: string; name: string; tookMs: number };

/** Longer than the worker's own deadlines of a call. */
const DEADLINE_MS = 10_000;

/** Looks, under a deadline. Never rejects. */
export async function runCheck({ service, name, look, deadlineMs = DEADLINE_MS }: Check): Promise<Checked> {
  const startedMs = performance.now();
  const finding = await withDeadline(deadlineMs, name, look).catch((error: unknown): Finding => {
    const found =
      error instanceof DeadlineError ? `no answer within ${deadlineMs / 1000} s` : describeError(error);
    return { status: 'failure', found };
  });
  return { service, name, ...finding, tookMs: Math.round(performance.now() - startedMs) };
}

/** What a check has found, under each status. */
export const ok = (found: string, mend?: string): Finding => ({ status: 'ok', found, mend });
export const warning = (found: string, mend?: string): Finding => ({ status: 'warning', found, mend });
export const failure = (found: string, mend?: string): Finding => ({ status: 'failure', found, mend });
