/** A command that a page shows. */
export type DocCommand = {
  page: string;
  line: number;
  /** As it is typed, without what is said behind `#`. */
  command: string;
  /** What must be there to run it, where a checkout alone is not enough. */
  needs: string | undefined;
};

/** What a command begins with: a fence that holds one must be marked as one of commands. */
const PROGRAMS =
  /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npm|npx|node|docker|terraform|az|kubectl|git|curl|history-worker) /;
const FENCE = /^( *)```(\S*) ?(.*)$/;

/**
 * The commands of a page, as CONTRIBUTING.md has it: each line of a fence `sh`, and in a fence `console` what stands behind `$ `; the words
 * after `sh` say what it needs. `unmarked` are lines of other fences that look like commands.
 */
export function commandsOf(page: string, text: string): { commands: DocCommand[]; unmarked: DocCommand[] } {
  const commands: DocCommand[] = [];
  const unmarked: DocCommand[] = [];
  let fence: { language: string; needs: string | undefined } | undefined;
  let begun: DocCommand | undefined;
  for (const [index, whole] of text.split('\n').entries()) {
    const [, , language, rest] = FENCE.exec(whole) ?? [];
    if (language !== undefined) {
      fence = fence ? undefined : { language, needs: rest?.replace(/^needs /, '') || undefined };
      continue;
    }
    if (!fence || whole.trim() === '') continue;
    const line = whole.trim();
    const found = { page, line: index + 1, needs: fence.needs };
    const typed = fence.language === 'console' ? /^\$ (.*)$/.exec(line)?.[1] : line;
    if (begun) begun.command += ` ${spoken(line)}`;
    else if (/^(sh|console)$/.test(fence.language) && typed !== undefined) {
      begun = { ...found, command: spoken(typed) };
      commands.push(begun);
    } else if (fence.language !== 'console' && PROGRAMS.test(line))
      unmarked.push({ ...found, command: line });
    if (!line.endsWith('\\')) begun = undefined;
  }
  return { commands, unmarked };
}

const spoken = (line: string): string => line.replace(/\s+#.*$|\s*\\$/, '');
