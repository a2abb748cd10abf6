/**
 * A word of a command line for bash or zsh, whatever is in it: a shell takes nothing of it for its own, and nothing of it that
 * cannot be seen is shown as it is.
 */
export function shellWord(text: string): string {
  if (/^[\w./:=@%+,-]+$/.test(text)) return text;
  const isSeen = !/[\p{C}\p{Zl}\p{Zp}]/u.test(text);
  if (isSeen) return `'${text.replaceAll("'", `'\\''`)}'`;
  const escaped = [...Buffer.from(text)].map((byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x27 || byte === 0x5c
      ? `\\x${byte.toString(16).padStart(2, '0')}`
      : String.fromCharCode(byte),
  );
  return `$'${escaped.join('')}'`;
}
