import { readFileSync, writeFileSync } from 'node:fs';
import { type Setting, settings } from '../src/settings.ts';
import { between } from './marked-section.ts';

/** A table of variables. */
function table(listed: readonly Setting[]): string {
  const rows = listed.map(({ name, description, default: given, required }) => {
    const value = given !== undefined ? `\`${given}\`` : required ? '**required**' : '';
    return `| \`${name}\` | ${value} | ${description} |`;
  });
  return ['| Variable | Default | Meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

/** What a first `.env` holds, and so stands open in `.env.example`. */
const isUsual = ({ example, required }: Setting): boolean => example !== undefined || required === true;

/** A `.env.example` with every variable: what must be set stands open, the rest is commented out. */
export function envExample(): string {
  const blocks = settings.map((setting) => {
    const { name, description, default: given, example } = setting;
    const line = `${name}=${example ?? given ?? ''}`;
    return `# ${description}\n${isUsual(setting) ? line : `# ${line}`}\n`;
  });
  return `# Copy to .env and fill in. Made from src/settings.ts by "npm run docs".\n\n${blocks.join('\n')}`;
}

const MARK = 'configuration: made from src/settings.ts by "npm run docs"';
const pages: Readonly<Record<string, (page: string) => string>> = {
  'README.md': (page) => between(page, MARK, table(settings.filter(isUsual))),
  'docs/configuration.md': (page) => between(page, MARK, table(settings)),
};

/** The pages with a table of variables: as they are, and with it made anew. @throws Error when a page's marks are gone */
export const withTables = (): { page: string; is: string; made: string }[] =>
  Object.entries(pages).map(([page, make]) => {
    const is = readFileSync(page, 'utf8');
    return { page, is, made: make(is) };
  });

if (process.argv.includes('--write')) {
  for (const { page, made } of withTables()) writeFileSync(page, made);
  writeFileSync('.env.example', envExample());
}
