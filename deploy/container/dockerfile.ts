/** One instruction of a Dockerfile: its lines joined, its name in capitals. */
export type Instruction = { name: string; text: string };
export type Stage = { base: string; name: string | undefined; instructions: Instruction[] };

/** As much of the form as our Dockerfile has: comments, continued lines, stages. */
export function parseDockerfile(text: string): Stage[] {
  const stages: Stage[] = [];
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  for (const line of lines) {
    const [, name, rest] = /^([A-Za-z]+)\s+(.*)$/.exec(line) ?? [];
    if (!name || !rest) throw new Error(`the Dockerfile has the line "${line}", expected an instruction`);
    if (name.toUpperCase() === 'FROM') {
      const [, base, alias] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest) ?? [];
      if (!base) throw new Error(`the Dockerfile has FROM ${rest}, expected FROM image [AS name]`);
      stages.push({ base, name: alias, instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (!stage) throw new Error(`the Dockerfile has ${name} before its first FROM`);
      stage.instructions.push({ name: name.toUpperCase(), text: rest });
    }
  }
  return stages;
}

/** The last instruction of that name, which is the one that holds. @throws Error if there is none */
export function last(stage: Stage, name: string): string {
  const found = stage.instructions.findLast((instruction) => instruction.name === name);
  if (!found) throw new Error(`the stage ${stage.name ?? stage.base} has no ${name}`);
  return found.text;
}

/** The command of ENTRYPOINT, CMD or HEALTHCHECK. @throws Error in shell form, where a shell would be process 1 */
export function command(stage: Stage, name: string): string[] {
  const text = last(stage, name).replace(/^(--\S+\s+)*(CMD\s+)?/, '');
  if (!text.startsWith('[')) throw new Error(`${name} is in shell form: a shell would get the signals`);
  return JSON.parse(text) as string[];
}

/** ENV of a stage: name=value pairs without spaces in them. */
export function environment(stage: Stage): Record<string, string> {
  const pairs = stage.instructions
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ text }) => text.split(/\s+/))
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
  return Object.fromEntries(pairs);
}
