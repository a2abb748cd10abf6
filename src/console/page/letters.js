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
  /** Something has happened since the look that is under way began. */
  let isStale = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  /** Whose eyes they are for: an answer that comes after a sign-out is for nobody's. */
  let sitting = 0;

  async function look() {
    isStale = true;
    if (isLooking || waiting !== undefined) return;
    isLooking = true;
    byId('letters').setAttribute('aria-busy', 'true');
    while (isStale && waiting === undefined) {
      isStale = false;
      await lookOnce();
    }
    isLooking = false;
    byId('letters').removeAttribute('aria-busy');
  }

  async function lookOnce() {
    const mine = sitting;
    try {
      const found = await ask('dead-letters');
      if (mine === sitting) show(found);
    } catch (error) {
      onRefused(error);
      if (!(error instanceof Refusal) || error.status === 401 || mine !== sitting) return;
      // Others look too: what has happened is seen a little later.
      if (error.status === 429) lookAfter(error.body.afterSeconds);
      else byId('letters-summary').textContent = `They cannot be seen: ${error.message}`;
    }
  }

  /** @param {number} seconds */
  function lookAfter(seconds) {
    waiting = setTimeout(() => {
      waiting = undefined;
      void look();
    }, seconds * 1000);
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
    if (focused === undefined) return;
    const again = byId('letters').querySelector(`[data-key="${CSS.escape(focused)}"]`);
    // Where it is gone the focus stays near.
    const next = again instanceof HTMLElement ? again : byId('dead-letters-title');
    next.focus({ preventScroll: true });
  }

  /** @param {Group} group */
  function group({ reason, count, oldestMs, newestMs, overADay, remedy, letters }) {
    const named = written(reason, 100).textContent;
    const [oldest, newest] = [age(Date.now() - oldestMs), age(Date.now() - newestMs)];
    const details = element(
      'details',
      {},
      element(
        'summary',
        { 'data-key': JSON.stringify({ details: reason }) },
        letters.length < count ? `The first ${letters.length}` : 'One by one',
        element('span', { class: 'spoken' }, `: ${named}`),
      ),
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
      replayButton(count === 1 ? 'Replay it' : `Replay all ${count.toLocaleString('en')}`, { reason }, named),
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
            button('', () => onSession(sessionId, userId), {
              class: 'link',
              'data-key': JSON.stringify({ session: sequenceNumber }),
            }),
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
      replayButton('Replay', { sequenceNumber }, `number ${sequenceNumber}`),
    );
  }

  /**
   * @param {string} text
   * @param {Target} target
   * @param {string | null} of
   */
  function replayButton(text, target, of) {
    return button(text, () => void replay(target), {
      'data-key': JSON.stringify(target),
      'aria-label': `${text}: ${of}`,
    });
  }

  /** @param {Target} target */
  async function replay(target) {
    byId('replay-fault').textContent = '';
    try {
      const { replay: begun } = await ask('replays', { body: target });
      // What was told of it meanwhile is newer than the answer.
      if (!replays.has(begun.id)) note(begun);
    } catch (error) {
      onRefused(error);
      if (!(error instanceof Refusal)) throw error;
      byId('replay-fault').textContent =
        error.status === 409
          ? 'Another replay is under way: this one was not begun.'
          : `Not replayed: ${error.message}`;
    }
  }

  /** @param {Replay} replay */
  function note(replay) {
    const known = replays.get(replay.id);
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
    clear() {
      sitting += 1;
      clearTimeout(waiting);
      waiting = undefined;
      replays.clear();
      opened.clear();
      byId('dead-count').hidden = true;
      for (const id of ['letters-summary', 'replay-fault', 'replays', 'letters']) byId(id).replaceChildren();
    },
  };
}

function focusedOf() {
  const focused = document.activeElement;
  return focused instanceof HTMLElement ? focused.dataset.key : undefined;
}
