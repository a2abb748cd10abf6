import { styleText } from 'node:util';
import type { DestinationStream } from 'pino';

const colors: Readonly<Record<string, 'red' | 'yellow' | 'green'>> = {
  CRITICAL: 'red',
  ERROR: 'red',
  WARNING: 'yellow',
  INFO: 'green',
};

/** Before the message, or the same on each line. */
const apart = new Set(['level', 'time', 'service', 'msg']);

/** Ids come from whoever may send events: a terminal must not act on them, nor show them as what they are not. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The lines of the log for a person at a terminal: one for each, the message first and then what it tells, as `name=value`. */
export async function terminalLog(to: NodeJS.WritableStream | number = 1): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: to,
    sync: true,
    hideObject: true,
    translateTime: 'SYS:HH:MM:ss.l',
    customPrettifiers: { level: (level) => styleText(colors[String(level)] ?? 'gray', String(level)) },
    messageFormat: (line) => {
      const told = Object.entries(line).filter(([name]) => !apart.has(name));
      const pairs = told.map(([name, value]) => ` ${styleText('dim', `${name}=`)}${shown(value)}`);
      return `${line.msg}${pairs.join('')}`;
    },
  });
}

function shown(value: unknown): string {
  const text = typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}
