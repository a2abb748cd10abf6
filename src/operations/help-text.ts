import { wrap } from './wrap.ts';

/** Paragraphs below a command's help, broken between words where the terminal ends, as the parser breaks its own. */
export const helpText =
  (...paragraphs: string[]) =>
  (): string =>
    paragraphs
      .map((text) => `\n${wrap(text, 0, { isTTY: true, columns: process.stdout.columns })}`)
      .join('\n');
