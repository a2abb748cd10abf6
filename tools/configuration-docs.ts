import { readFileSync, writeFileSync } from 'node:fs';
import { settings } from '../src/settings.ts';
import { between } from './marked-section.ts';

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
export const withTable = (readme: string): string =>
  between(readme, 'configuration: made from src/settings.ts by "npm run docs"', configurationTable());

if (process.argv.includes('--write')) {
  writeFileSync('README.md', withTable(readFileSync('README.md', 'utf8')));
  writeFileSync('.env.example', envExample());
}
