import { ask, Refusal } from './ask.js';
import { conversationOf } from './conversation.js';
import { announce, button, byId, element } from './elements.js';
import { counted, when } from './format.js';
import { written } from './visible.js';

/** @typedef {{ id: string, title: unknown, createdAt: unknown, lastActivity: unknown }} Listed */

/**
 * Conversations by session, or by user.
 * @param {{ onRefused: (error: unknown) => void }} given
 */
export function makeLookup({ onRefused }) {
  /** What was asked last: an answer to what was asked before comes too late. */
  let asked = 0;

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @param {(found: T) => void} show
   */
  async function look(work, show) {
    asked += 1;
    const mine = asked;
    const fault = byId('lookup-fault');
    fault.textContent = '';
    byId('shown').setAttribute('aria-busy', 'true');
    try {
      const found = await work();
      if (mine === asked) show(found);
    } catch (error) {
      onRefused(error);
      if (!(error instanceof Refusal)) throw error;
      if (mine === asked && error.status !== 401)
        fault.replaceChildren('Not shown: ', written(error.message, 1_000));
    } finally {
      byId('shown').removeAttribute('aria-busy');
    }
  }

  /**
   * @param {string} sessionId
   * @param {string} [userId]
   */
  function open(sessionId, userId) {
    const body = { sessionId, ...(userId ? { userId } : {}) };
    return look(
      () => ask('conversation', { body }),
      (found) => {
        const shown = byId('shown');
        if (found.kind === 'several') {
          shown.replaceChildren(
            element(
              'div',
              { class: 'panel' },
              element('p', {}, 'Several users have a session of that name:'),
              element(
                'ul',
                { class: 'choices' },
                ...found.userIds.map((/** @type {string} */ user) => {
                  const choice = button('', () => void open(sessionId, user), { class: 'link' });
                  choice.append(written(user));
                  return element('li', {}, choice);
                }),
              ),
            ),
          );
          announce('Several users have a session of that name.');
          return;
        }
        if (found.kind !== 'conversation') {
          const said = found.kind === 'erased' ? 'It was erased.' : 'History has no such conversation.';
          shown.replaceChildren(element('p', { class: 'panel empty' }, said));
          announce(said);
          return;
        }
        const { conversation } = found;
        const ids = { sessionId: conversation.sessionId, userId: conversation.userId };
        const made = conversationOf(
          conversation,
          async (page) => (await ask('conversation-page', { body: { ...ids, page } })).messages,
        );
        shown.replaceChildren(made.node);
        made.focus();
        announce(`A conversation of ${counted(made.total, 'message')}.`);
      },
    );
  }

  /** @param {string} userId */
  function list(userId) {
    return look(
      () => ask('conversations', { body: { userId } }),
      ({ conversations, continuation }) => {
        byId('shown').replaceChildren();
        const rows = element('tbody');
        const more = element('p', { class: 'more' });
        /**
         * @param {Listed[]} some
         * @param {string | undefined} next
         */
        const add = (some, next) => {
          rows.append(...some.map((each) => row(each, userId)));
          more.replaceChildren();
          if (next !== undefined)
            more.append(
              button(
                'Show more',
                () =>
                  void look(
                    () => ask('conversations', { body: { userId, continuation: next } }),
                    (found) => {
                      const before = rows.rows.length;
                      add(found.conversations, found.continuation);
                      rows.rows[before]?.querySelector('button')?.focus();
                      announce(`${counted(found.conversations.length, 'more conversation')}.`);
                    },
                  ),
              ),
            );
        };
        add(conversations, continuation);
        const said =
          conversations.length === 0
            ? 'History has no conversation of this user.'
            : `${counted(conversations.length, 'conversation')}${continuation === undefined ? '' : ' and more'}, the latest first.`;
        const heads = ['Title', 'Last active', 'Session'].map((name) =>
          element('th', { scope: 'col' }, name),
        );
        byId('listed').replaceChildren(
          conversations.length === 0
            ? element('p', { class: 'panel empty' }, said)
            : element(
                'div',
                { class: 'panel' },
                element(
                  'table',
                  { class: 'list' },
                  element('caption', {}, 'Conversations of ', written(userId), `: ${said}`),
                  element('thead', {}, element('tr', {}, ...heads)),
                  rows,
                ),
                more,
              ),
        );
        announce(said);
      },
    );
  }

  /**
   * @param {Listed} listed
   * @param {string} userId
   */
  function row({ id, title, lastActivity }, userId) {
    const opener = button('', () => void open(String(id), userId), { class: 'link' });
    opener.append(written(title));
    return element(
      'tr',
      {},
      element('td', {}, opener),
      element('td', {}, when(lastActivity) ?? written(lastActivity, 60)),
      element('td', { class: 'id' }, written(id)),
    );
  }

  /** @param {string} id */
  const entered = (id) => /** @type {HTMLInputElement} */ (byId(id)).value.trim();
  byId('by-session').addEventListener('submit', (event) => {
    event.preventDefault();
    byId('listed').replaceChildren();
    void open(entered('session'), entered('session-user'));
  });
  byId('by-user').addEventListener('submit', (event) => {
    event.preventDefault();
    void list(entered('user'));
  });

  return {
    /**
     * @param {string} sessionId
     * @param {string | undefined} userId
     */
    open(sessionId, userId) {
      /** @type {HTMLInputElement} */ (byId('session')).value = sessionId;
      /** @type {HTMLInputElement} */ (byId('session-user')).value = userId ?? '';
      byId('listed').replaceChildren();
      return open(sessionId, userId);
    },
    clear() {
      // What is still to be answered is not shown any more.
      asked += 1;
      for (const id of ['by-session', 'by-user']) /** @type {HTMLFormElement} */ (byId(id)).reset();
      for (const id of ['lookup-fault', 'listed', 'shown']) byId(id).replaceChildren();
    },
  };
}
