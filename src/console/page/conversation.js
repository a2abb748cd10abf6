import { button, element } from './elements.js';
import { when } from './format.js';
import { firstPortion, written, writtenText } from './visible.js';

/** @import { Portion } from './visible.js' */

/**
 * @typedef {{ messageId?: unknown, role?: unknown, content?: unknown, timestamp?: unknown, [field: string]: unknown }} Message
 * @typedef {{ title: unknown, sessionId: string, userId: string, createdAt: unknown, lastActivity: unknown, persistedAt: unknown,
 *   pages: { id: string, count: number, bytes: number }[], messages: Message[] }} Conversation
 */

/** As many are put on the page at once; more when they are asked for. */
const SHOWN_AT_ONCE = 100;

/**
 * A conversation to be read, one of its pages at a time.
 * @param {Conversation} conversation
 * @param {(page: string) => Promise<Message[]>} fetchPage
 */
export function conversationOf(conversation, fetchPage) {
  const { title, sessionId, userId, createdAt, lastActivity, persistedAt, pages, messages } = conversation;
  const counts = [...pages.map(({ count }) => count), messages.length];
  const total = counts.reduce((sum, count) => sum + count, 0);
  const list = element('ol', { class: 'messages', tabindex: -1 });
  const heading = element('h3', { tabindex: -1 }, written(title, 1_000));
  const pager =
    pages.length === 0
      ? undefined
      : element('nav', { class: 'pager', 'aria-label': 'Pages of the conversation' });
  const fault = element('p', { class: 'fault', role: 'alert' });
  let at = pages.length;

  /** @param {number} page */
  async function turn(page) {
    fault.textContent = '';
    const found =
      page === pages.length ? messages : await fetchPage(pages[page]?.id ?? '').catch((error) => error);
    if (found instanceof Error) {
      fault.textContent = found.message;
      return;
    }
    at = page;
    list.replaceChildren(...messagesFrom(found, 0));
    showPager();
  }

  function showPager() {
    if (!pager) return;
    const before = counts.slice(0, at).reduce((sum, count) => sum + count, 0);
    const to = (/** @type {string} */ label, /** @type {number} */ page, /** @type {boolean} */ isThere) => {
      const made = button(label, () => void turn(page).then(() => list.focus()));
      made.disabled = !isThere;
      return made;
    };
    pager.replaceChildren(
      to('Oldest', 0, at > 0),
      to('Older', at - 1, at > 0),
      element(
        'span',
        {},
        `Messages ${(before + 1).toLocaleString('en')} to ${(before + (counts[at] ?? 0)).toLocaleString('en')} of ${total.toLocaleString('en')}`,
      ),
      to('Newer', at + 1, at < pages.length),
      to('Newest', pages.length, at < pages.length),
    );
  }

  const facts = {
    session: sessionId,
    user: userId,
    created: createdAt,
    active: lastActivity,
    persisted: persistedAt,
  };
  const node = element(
    'article',
    { class: 'conversation panel', 'aria-label': 'Conversation' },
    heading,
    element(
      'dl',
      { class: 'facts' },
      ...Object.entries(facts).flatMap(([name, value]) => [
        element('dt', {}, name),
        element('dd', {}, written(value)),
      ]),
      element('dt', {}, 'messages'),
      element('dd', {}, total.toLocaleString('en')),
    ),
    pager,
    fault,
    list,
  );
  void turn(at);
  return { node, focus: () => heading.focus(), total };
}

/**
 * @param {Message[]} messages
 * @param {number} from
 * @returns {HTMLElement[]}
 */
function messagesFrom(messages, from) {
  const some = messages.slice(from, from + SHOWN_AT_ONCE).map(messageOf);
  const left = messages.length - from - some.length;
  if (left <= 0) return some;
  const more = element('li', { class: 'more' });
  more.append(
    button(`Show ${Math.min(left, SHOWN_AT_ONCE)} more of ${left.toLocaleString('en')}`, () => {
      const next = messagesFrom(messages, from + SHOWN_AT_ONCE);
      more.replaceWith(...next);
      next[0]?.focus();
    }),
  );
  return [...some, more];
}

/** @param {Message} message */
function messageOf({ role, timestamp, messageId, content, ...others }) {
  const isLeftOut = content === undefined && typeof others.omittedBytes === 'number';
  const fields = Object.keys(others).length - (isLeftOut ? 1 : 0);
  const portion = firstPortion();
  return element(
    'li',
    {
      class: 'message',
      'data-role': ['user', 'assistant', 'system', 'tool'].includes(String(role)) ? String(role) : 'other',
      tabindex: -1,
    },
    element(
      'p',
      { class: 'who' },
      element('b', {}, written(role, 60)),
      ' ',
      element(
        'time',
        { title: written(timestamp, 60).textContent ?? '' },
        when(timestamp) ?? written(timestamp, 60),
      ),
      ' ',
      element('span', { class: 'id' }, written(messageId ?? '', 200)),
    ),
    ...(isLeftOut
      ? [note(`left out: ${others.omittedBytes} bytes, more than an item can hold`)]
      : contentOf(content, portion)),
    fields === 0
      ? undefined
      : element(
          'details',
          {},
          element('summary', {}, `Other fields: ${fields}`),
          writtenText(JSON.stringify(others, null, 2), 'json', portion),
        ),
  );
}

/**
 * @param {unknown} content
 * @param {Portion} portion
 * @returns {HTMLElement[]}
 */
function contentOf(content, portion) {
  if (typeof content === 'string') return [writtenText(content, 'text', portion)];
  if (content === undefined || content === null) return [note('no content')];
  if (!Array.isArray(content)) return [writtenText(JSON.stringify(content, null, 2), 'json', portion)];
  // Parts, each on its own; a hostile one may have a great many.
  const some = content.slice(0, 50).map((part) => {
    if (typeof part === 'string') return writtenText(part, 'text', portion);
    if (part?.type === 'text' && typeof part.text === 'string')
      return writtenText(part.text, 'text', portion);
    return writtenText(JSON.stringify(part, null, 2), 'json', portion);
  });
  if (content.length > 50)
    some.push(writtenText(JSON.stringify(content.slice(50), null, 2), 'json', portion));
  return some;
}

/** @param {string} text */
const note = (text) => element('p', { class: 'hint' }, text);
