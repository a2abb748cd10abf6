import { withDeadline } from '../azure/deadline.ts';
import { ANSWER_MS } from './doctor-away.ts';
import { type Check, type Finding, failure, ok, warning } from './doctor-check.ts';
import { describeError, seeAbove } from './errors.ts';

/** What the worker allows for between clocks: an event is taken for stored only if it was sent so long before a read. */
const MARGIN_MS = 5_000;
/** From about here on tokens, and signatures by key, are refused. */
const REFUSED_MS = 300_000;
const MEND = 'set the clock of this machine: timedatectl set-ntp true';

/** Compares this machine's clock with that of an HTTP service. No credential is sent: any answer bears a date. */
export const clockCheck = (service: string, url: string): Check => ({
  service: 'Clock',
  name: service,
  look: () =>
    withDeadline(ANSWER_MS, service, () => compare(url)).catch((error: unknown) =>
      warning(
        `cannot be told: ${describeError((error as Error).cause ?? error)}`,
        seeAbove('network', service),
      ),
    ),
});

async function compare(url: string): Promise<Finding> {
  const askedMs = Date.now();
  const response = await fetch(new URL(url).origin, { method: 'HEAD', redirect: 'manual' });
  const answeredMs = Date.now();
  const dateMs = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(dateMs)) return warning('cannot be told: the answer bears no date');
  // The header has whole seconds, cut off.
  const skewMs = (askedMs + answeredMs) / 2 - (dateMs + 500);
  const uncertainMs = (answeredMs - askedMs) / 2 + 500;
  const found = describe(skewMs, uncertainMs);
  const leastMs = Math.abs(skewMs) - uncertainMs;
  if (leastMs > REFUSED_MS) return failure(`${found}: tokens and signatures are refused`, MEND);
  if (leastMs > MARGIN_MS)
    return warning(`${found}, more than the ${MARGIN_MS / 1000} s that are allowed for`, MEND);
  return ok(found);
}

function describe(skewMs: number, uncertainMs: number): string {
  if (Math.abs(skewMs) <= uncertainMs) return 'the same, within a second or so';
  return `this machine is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs > 0 ? 'ahead' : 'behind'}`;
}
