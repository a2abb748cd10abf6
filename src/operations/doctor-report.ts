import { styleText } from 'node:util';
import { counted } from './counted.ts';
import type { Checked, Status } from './doctor-check.ts';
import { plain, plainJson } from './plain-text.ts';
import { hidingSecrets } from './secrets.ts';
import { wrap } from './wrap.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const colours = { ok: 'green', warning: 'yellow', failure: 'red' } as const;
const STATUS_WIDTH = 'failure'.length;
const NAME_WIDTH = 'dead letters'.length;

/**
 * Prints each check when it and those before it are done, or all as one line of JSON. Answers whether one has failed.
 */
export async function printReport(
  checks: readonly Promise<Checked>[],
  environment: Environment,
  { json }: { json: boolean },
): Promise<boolean> {
  const hide = hidingSecrets(environment);
  const done: Checked[] = [];
  for (const check of checks) {
    const seen = await check;
    const checked = { ...seen, found: hide(seen.found) };
    if (!json) {
      if (done.at(-1)?.service !== checked.service)
        console.log(`${done.length > 0 ? '\n' : ''}${styleText('bold', checked.service)}`);
      // What mends several things of a service is said once.
      const isNew = !done.some(({ service, mend }) => service === checked.service && mend === checked.mend);
      console.log(lineOf({ ...checked, mend: isNew ? checked.mend : undefined }));
    }
    done.push(checked);
  }
  const count = (status: Status): number => done.filter((one) => one.status === status).length;
  const [failures, warnings] = [count('failure'), count('warning')];
  if (json) console.log(plainJson({ ok: failures === 0, failures, warnings, checks: done }));
  else console.log(`\n${summary(failures, warnings)}`);
  return failures > 0;
}

function lineOf({ status, name, found, mend }: Checked): string {
  const indent = 2 + STATUS_WIDTH + 2 + Math.max(NAME_WIDTH, name.length) + 2;
  const coloured = styleText(colours[status], status.padEnd(STATUS_WIDTH));
  const text = wrap(plain(found), indent).trimStart();
  const line = `  ${coloured}  ${name.padEnd(NAME_WIDTH)}  ${text}`;
  if (mend === undefined) return line;
  // In one piece, so that it can be copied.
  return `${line}\n  ${' '.repeat(STATUS_WIDTH)}  ${styleText('cyan', plain(mend))}`;
}

function summary(failures: number, warnings: number): string {
  if (failures > 0)
    return styleText('red', `${counted(failures, 'failure')}, ${counted(warnings, 'warning')}.`);
  if (warnings > 0) return styleText('yellow', `No failure, ${counted(warnings, 'warning')}.`);
  return styleText('green', 'All is well.');
}
