import { styleText } from 'node:util';
import type { Config } from '../config.ts';
import { counted } from './counted.ts';
import { type Gathered, toErase } from './erase-gather.ts';
import { type Erased, isLive } from './erase-history.ts';
import { plain } from './plain-text.ts';
import { removeCommand } from './redis-holds.ts';

const SHOWN = 20;
/** Of keys in one command line. */
const MAX_KEYS = 100;

/** What there is, before anything is done. */
export function foundLines(gathered: Gathered, session: string | undefined): string[] {
  const { userId, held } = gathered;
  const { live, pages: pageCount, coming } = toErase(gathered);
  const before = held.heads.length - live;
  const alive = held.heads.filter(isLive);
  return [
    `History holds ${counted(live, 'conversation')} and ${counted(pageCount, 'page')} of ${plain(session === undefined ? userId : `${session} of ${userId}`)}${before > 0 ? `; ${before} erased before` : ''}.`,
    ...alive
      .slice(0, SHOWN)
      .map(
        ({ sessionId, lastActivity }) =>
          `  ${plain(sessionId)}${lastActivity ? `  last active ${plain(lastActivity)}` : ''}`,
      ),
    ...(alive.length > SHOWN ? [`  and ${alive.length - SHOWN} more`] : []),
    ...(coming.length > 0
      ? [`Redis holds ${coming.length} of which history has nothing yet: they will be kept from coming.`]
      : []),
  ];
}

/** What was done. */
export function erasedLines(erased: Erased, stays: number): string[] {
  const { forestalled, refused } = erased;
  return [
    `${counted(erased.erased, 'conversation')} erased, ${counted(erased.pages, 'page')} deleted${forestalled > 0 ? `, ${forestalled} kept from coming` : ''}.`,
    ...refused.map(({ sessionId, code, description }) =>
      plain(`refused ${sessionId}: ${code}: ${description}`),
    ),
    ...(stays > 0 ? [`${stays} of it is still there, or there again: run it once more.`] : []),
  ];
}

/** What Redis still holds, and how to remove it. `isDryRun`, also where something stays: that is told when history is erased. */
export function redisLines(
  { inRedis, nobodys, isComplete }: Gathered,
  { away, isDryRun }: { away: string | undefined; isDryRun: boolean },
  config: Config,
  stream: NodeJS.WriteStream = process.stderr,
): string[] {
  if (away !== undefined)
    return [
      plain(`Redis could not be asked what it still holds: ${away}`),
      'What comes from there with a late event would be stored again: run it once more when Redis is back.',
    ];
  const holds = `Redis ${isDryRun ? 'holds' : 'still holds'} ${counted(inRedis.length, 'session')} of it`;
  const command = removeCommand(inRedis.slice(0, MAX_KEYS), config);
  return [
    ...(inRedis.length === 0 && isComplete ? ['Redis holds nothing of it.'] : []),
    ...(inRedis.length > 0 && isDryRun ? [`${holds}.`] : []),
    ...(inRedis.length > 0 && !isDryRun
      ? [
          `${holds}, and forgets them 24 h after the last turn. The worker only reads Redis; to remove them now:`,
          '',
          `  ${styleText('bold', command, { stream })}`,
          '',
        ]
      : []),
    ...(inRedis.length > MAX_KEYS && !isDryRun
      ? [`These are the first ${MAX_KEYS}: run it again after removing them, or see --json.`]
      : []),
    ...(isComplete ? [] : ['Redis was not looked through to the end: it may hold more of it.']),
    ...(nobodys > 0 && inRedis.length !== nobodys
      ? [`Values in Redis that are no conversations, so that it cannot be told whose they are: ${nobodys}.`]
      : []),
  ];
}
