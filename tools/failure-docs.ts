import { readFileSync, writeFileSync } from 'node:fs';
import { type FailureRule, failures } from '../src/pipeline/failures.ts';
import { between } from './marked-section.ts';

export const FAILURES_PAGE = 'docs/failures.md';

const outcomes: Record<FailureRule['outcome'], string> = {
  'dead-letter': 'dead-letters the event',
  wait: 'tries again for `TURN_WAIT_SECONDS`, then dead-letters the event',
  hold: 'holds the event under its lock and tries again',
  fallback: 'stores `New Conversation`; the event completes',
  notice: 'says so in the log',
};

/** The page's table of codes, from the table that the worker itself goes by. */
function failureTable(): string {
  const rows = Object.entries<FailureRule>(failures).map(
    ([code, { outcome, dependency, summary, remedy }]) =>
      `| \`${code}\` | ${summary} | ${outcomes[outcome]}${dependency ? `; gate \`${dependency}\`` : ''} | ${remedy} |`,
  );
  return [
    '| Code | What happened | What the worker does | What you can do |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** The page with its table made anew. @throws Error when its marks are gone */
export const withFailureTable = (page: string): string =>
  between(page, 'failures: made from src/pipeline/failures.ts by "npm run docs"', failureTable());

if (process.argv.includes('--write'))
  writeFileSync(FAILURES_PAGE, withFailureTable(readFileSync(FAILURES_PAGE, 'utf8')));
