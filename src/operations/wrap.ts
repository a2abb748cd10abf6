/**
 * Breaks a text between words where a terminal would break it anywhere; the lines after the first are indented as the first one
 * begins. What is no terminal has no width: there a line stays one.
 */
export function wrap(
  text: string,
  indent: number,
  { isTTY, columns }: { isTTY?: boolean; columns?: number } = process.stdout,
): string {
  const width = isTTY ? Math.max(20, (columns || 80) - indent) : Number.POSITIVE_INFINITY;
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `${' '.repeat(indent)}${line}`).join('\n');
}
