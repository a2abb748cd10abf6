import { ask, Refusal } from './ask.js';
import { announce, button, byId, element } from './elements.js';
import { age, counted } from './format.js';
import { written } from './visible.js';

/**
 * @typedef {{ reason: string, count: number, oldestMs: number, newestMs: number, overADay: number, remedy: string | null,
 *   letters: Record<string, any>[] }} Group
 * @typedef {{ reason: string } | { sequenceNumber: string }} Target
 * @typedef {{ id: number, target: Target, state: string, startedAt: string, endedAt?: string, chosen: number, replayed: number,
 *   failed: { reason: string, count: number, description: string }[], notMet: number, stillLocked: number,
 *   waitingFor: string[], error?: string }} Replay
 */

const SHOWN_REPLAYS = 4;

/**
 * Dead letters by their reasons, and what became of those that were replayed.
 * @param {{ onSession: (sessionId: string, userId: string | undefined) => void, onRefused: (error: unknown) => void }} given
 */
export function makeLetters({ onSession, onRefused }) {
  /** @type {Map<number, Replay>} */
  const replays = new Map();
  /** @type {Set<string>} */
  const opened = new Set();
  let isLooking = false;

  async function look() {
    if (isLooking) return;
    isLooking = true;
    byId('letters').setAttribute('aria-busy', 'true');
    try {
      show(await ask('dead-letters'));
    } catch (error) {
      onRefused(error);
      if (error instanceof Refusal && error.status !== 401)
        byId('letters-summary').textContent = `They cannot be seen: ${error.message}`;
    } finally {
      isLooking = false;
      byId('letters').removeAttribute('aria-busy');
    }
  }

  /** @param {{ topic: string, subscription: string, total: number, isAll: boolean, otherReasons: number, groups: Group[] }} found */
  function show({ topic, subscription, total, isAll, otherReasons, groups }) {
    const number = total.toLocaleString('en');
    byId('letters-summary').replaceChildren(
      `${isAll ? number : `The first ${number}`} of `,
      written(`${topic}/${subscription}`),
      otherReasons > 0 ? `; ${otherReasons} more reasons are not shown` : '',
    );
    const count = byId('dead-count');
    count.hidden = total === 0;
    count.textContent = isAll ? number : `${number}+`;
    const focused = focusedOf();
    byId('letters').replaceChildren(
      ...(total === 0
        ? [element('p', { class: 'panel empty' }, 'Nothing was set aside.')]
        : groups.map(group)),
    );
    if (focused)
      document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.setAttribute('data-refocus', '');
    const again = document.querySelector('[data-refocus]');
    if (again instanceof HTMLElement) {
      again.removeAttribute('data-refocus');
      again.focus();
    }
  }

  /** @param {Group} group */
  function group({ reason, count, oldestMs, newestMs, overADay, remedy, letters }) {
    const [oldest, newest] = [age(Date.now() - oldestMs), age(Date.now() - newestMs)];
    const details = element(
      'details',
      {},
      element('summary', {}, letters.length < count ? `The first ${letters.length}` : 'One by one'),
      element('ol', { class: 'letters' }, ...letters.map(letter)),
    );
    details.open = opened.has(reason);
    details.addEventListener('toggle', () => (details.open ? opened.add(reason) : opened.delete(reason)));
    return element(
      'article',
      { class: 'panel group' },
      element('h3', {}, element('b', { class: 'number' }, count.toLocaleString('en')), ' ', written(reason)),
      element(
        'p',
        { class: 'hint' },
        oldest === newest ? `sent ${oldest} ago` : `sent ${oldest} to ${newest} ago`,
        overADay > 0
          ? ` · ${overADay.toLocaleString('en')} over a day old: Redis has forgotten them if they rested since`
          : '',
      ),
      replayButton(count === 1 ? 'Replay it' : `Replay all ${count.toLocaleString('en')}`, { reason }),
      element('p', { class: 'remedy' }, remedy ?? 'Nothing is known of this reason.'),
      details,
    );
  }

  /** @param {Record<string, any>} letter */
  function letter({
    sequenceNumber,
    sessionId,
    userId,
    chatMessageId,
    description,
    enqueuedAt,
    deliveryCount,
  }) {
    const session =
      sessionId === undefined
        ? undefined
        : element(
            'dd',
            {},
            button('', () => onSession(sessionId, userId), { class: 'link' }),
          );
    session?.querySelector('button')?.append(written(sessionId));
    return element(
      'li',
      {},
      element(
        'p',
        { class: 'what' },
        element('b', {}, `#${sequenceNumber}`),
        ' ',
        written(description || 'no description', 1_000),
      ),
      element(
        'dl',
        {},
        ...(session ? [element('dt', {}, 'session'), session] : []),
        ...(userId === undefined ? [] : [element('dt', {}, 'user'), element('dd', {}, written(userId))]),
        ...(chatMessageId === undefined
          ? []
          : [element('dt', {}, 'turn'), element('dd', {}, written(chatMessageId))]),
        element('dt', {}, 'sent'),
        element(
          'dd',
          {},
          enqueuedAt === undefined
            ? '–'
            : `${age(Date.now() - Date.parse(enqueuedAt))} ago, ${counted(deliveryCount, 'delivery', 'deliveries')}`,
        ),
      ),
      replayButton('Replay', { sequenceNumber }, `Replay number ${sequenceNumber}`),
    );
  }

  /**
   * @param {string} text
   * @param {Target} target
   * @param {string} [label]
   */
  function replayButton(text, target, label) {
    return button(text, () => void replay(target), {
      'data-key': JSON.stringify(target),
      ...(label === undefined ? {} : { 'aria-label': label }),
    });
  }

  /** @param {Target} target */
  async function replay(target) {
    try {
      const { replay: begun } = await ask('replays', { body: target });
      note(begun);
    } catch (error) {
      onRefused(error);
      if (!(error instanceof Refusal)) throw error;
      const message =
        error.status === 409
          ? 'Another replay is under way: this one was not begun.'
          : `Not replayed: ${error.message}`;
      fault(message);
    }
  }

  /** @param {string} message */
  function fault(message) {
    byId('replays').prepend(element('p', { class: 'fault', role: 'alert' }, message));
  }

  /** @param {Replay} replay */
  function note(replay) {
    const known = replays.get(replay.id);
    // An answer may be older than what was told meanwhile.
    if (known?.endedAt !== undefined && replay.endedAt === undefined) return;
    replays.set(replay.id, replay);
    showReplays();
    if (replay.endedAt !== undefined && known?.endedAt === undefined && known) announce(saidOf(replay));
    if (replay.endedAt !== undefined && known?.endedAt === undefined) void look();
  }

  function showReplays() {
    const latest = [...replays.values()].sort((one, other) => other.id - one.id).slice(0, SHOWN_REPLAYS);
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

  byId('look-again').addEventListener('click', () => void look());
  return {
    look,
    note,
    /** @param {Replay[]} given */
    begin(given) {
      replays.clear();
      for (const replay of given) replays.set(replay.id, replay);
      showReplays();
    },
  };
}

/** @param {Replay} replay */
const looksLike = ({ state, failed, notMet }) =>
  state === 'done' && failed.length + notMet > 0 ? 'partly' : state;

/** @param {Target} target */
const targetOf = (target) =>
  'reason' in target ? [written(target.reason)] : [`number ${target.sequenceNumber}`];

/** @param {Replay} replay */
function saidOf({ state, chosen, replayed, failed, notMet, stillLocked, waitingFor, error }) {
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

function focusedOf() {
  const focused = document.activeElement;
  return focused instanceof HTMLElement ? focused.dataset.key : undefined;
}
