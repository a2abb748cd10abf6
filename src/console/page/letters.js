import { ask, Refusal } from './ask.js';
import { announce, button, byId, element } from './elements.js';
import { age, counted } from './format.js';
import { saidOf, showReplays } from './replays.js';
import { written } from './visible.js';

/** @import { Replay, Target } from './replays.js' */

/**
 * @typedef {{ reason: string, count: number, oldestMs: number, newestMs: number, overADay: number, remedy: string | null,
 *   letters: Record<string, any>[] }} Group
 */

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
    showReplays([...replays.values()]);
    if (replay.endedAt !== undefined && known?.endedAt === undefined && known) announce(saidOf(replay));
    if (replay.endedAt !== undefined && known?.endedAt === undefined) void look();
  }

  byId('look-again').addEventListener('click', () => void look());
  return {
    look,
    note,
    /** @param {Replay[]} given */
    begin(given) {
      replays.clear();
      for (const replay of given) replays.set(replay.id, replay);
      showReplays([...replays.values()]);
    },
  };
}

function focusedOf() {
  const focused = document.activeElement;
  return focused instanceof HTMLElement ? focused.dataset.key : undefined;
}
