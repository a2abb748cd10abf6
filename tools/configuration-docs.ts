import { readFileSync, writeFileSync } from 'node:fs';
import { settings } from '../src/settings.ts';

const begin = '<!-- configuration: made from src/settings.ts by "npm run docs" -->';
const end = '<!-- /configuration -->';

/** The README's table of variables. */
export function configurationTable(): string {
  const rows = settings.map(({ name, description, default: given, required }) => {
    const value = given !== undefined ? `\`${given}\`` : required ? '**required**' : '';
    return `| \`${name}\` | ${value} | ${description} |`;
  });
  return ['| Variable | Default | Meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

/** A `.env.example` with every variable: what must be set stands open, the rest is commented out. */
export function envExample(): string {
  const blocks = settings.map(({ name, description, default: given, example, required }) => {
    const line = `${name}=${example ?? given ?? ''}`;
    return `# ${description}\n${example !== undefined || required ? line : `# ${line}`}\n`;
  });
  return `# Copy to .env and fill in. Made from src/settings.ts by "npm run docs".\n\n${blocks.join('\n')}`;
}

/** The README with its table made anew. @throws Error when its marks are gone */
export function withTable(readme: string): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md must have the lines ${begin} and ${end}`);
  return `${readme.slice(0, from)}${begin}\n${configurationTable()}\n${readme.slice(to)}`;
}

if (process.argv.includes('--write')) {
  writeFileSync('README.md', withTable(readFileSync('README.md', 'utf8')));
  writeFileSync('.env.example', envExample());
}
