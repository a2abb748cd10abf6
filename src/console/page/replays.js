import { byId, element } from './elements.js';
import { counted } from './format.js';
import { written } from './visible.js';

/**
 * @typedef {{ reason: string } | { sequenceNumber: string }} Target
 * @typedef {{ id: number, target: Target, state: string, startedAt: string, endedAt?: string, chosen: number, replayed: number,
 *   failed: { reason: string, count: number, description: string }[], notMet: number, stillLocked: number,
 *   waitingFor: string[], error?: string }} Replay
 */

const SHOWN = 4;

/**
 * The last ones, with what became of them.
 * @param {Replay[]} replays
 */
export function showReplays(replays) {
  const latest = replays.toSorted((one, other) => other.id - one.id).slice(0, SHOWN);
  byId('replays').replaceChildren(
    ...latest.map((replay) => {
      const bar = element('progress', { max: Math.max(1, replay.chosen), 'aria-label': 'Replayed so far' });
      bar.value = replay.replayed + replay.failed.reduce((sum, { count }) => sum + count, 0);
      return element(
        'article',
        { class: 'panel replay', 'data-state': looksLike(replay) },
        element('p', {}, element('b', {}, 'Replay of '), ...targetOf(replay.target), ': ', saidOf(replay)),
        replay.state === 'running' ? bar : undefined,
        replay.failed.length === 0
          ? undefined
          : element(
              'ul',
              {},
              ...replay.failed
                .slice(0, 10)
                .map(({ reason, count, description }) =>
                  element(
                    'li',
                    {},
                    `${count.toLocaleString('en')} × `,
                    written(reason),
                    ', such as: ',
                    written(description),
                  ),
                ),
            ),
      );
    }),
  );
}

/** @param {Replay} replay */
const looksLike = ({ state, failed, notMet }) =>
  state === 'done' && failed.length + notMet > 0 ? 'partly' : state;

/** @param {Target} target */
const targetOf = (target) =>
  'reason' in target ? [written(target.reason)] : [`number ${target.sequenceNumber}`];

/** @param {Replay} replay */
export function saidOf({ state, chosen, replayed, failed, notMet, stillLocked, waitingFor, error }) {
  if (state === 'running')
    return waitingFor.length > 0
      ? `waits for ${waitingFor.join(', ')}`
      : chosen === 0
        ? 'counting'
        : `${replayed} of ${chosen} so far`;
  const again = failed.reduce((sum, { count }) => sum + count, 0);
  return [
    ...(error === undefined ? [] : [`it failed: ${error}`]),
    `${replayed.toLocaleString('en')} of ${counted(chosen, 'dead letter')} replayed`,
    ...(again > 0 ? [`${again.toLocaleString('en')} failed again and stay`] : []),
    ...(notMet > 0 ? [`${notMet.toLocaleString('en')} are as they were, or somebody else has them`] : []),
    ...(stillLocked > 0
      ? [`${stillLocked.toLocaleString('en')} met on the way stay locked for as long as a lock lasts`]
      : []),
    ...(state === 'interrupted' ? ['it was interrupted'] : []),
  ].join('; ');
}
