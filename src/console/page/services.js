import { announce, byId, element } from './elements.js';
import { age } from './format.js';
import { written } from './visible.js';

/**
 * @typedef {{ state: string, since: string, reason?: string }} Dependency
 * @typedef {{ ready: boolean, state: string, held: number, stuck?: string, dependencies: Record<string, Dependency> }} Status
 */

/** @type {Record<string, string>} */
const names = { 'service-bus': 'Service Bus', redis: 'Redis', cosmos: 'Cosmos DB', titles: 'Title model' };
/** @type {Record<string, string>} */
const words = { open: 'there', closed: 'away', opening: 'connecting' };

/** @type {Map<string, string>} */
const before = new Map();

/**
 * Shows each service with its state, since when, and why; says aloud what changes.
 * @param {Status} status
 */
export function showStatus({ state, ready, stuck, dependencies }) {
  const pill = byId('state');
  const shown = stuck !== undefined ? 'stuck' : state === 'running' && !ready ? 'waiting' : state;
  if (pill.dataset.state !== shown && pill.dataset.state !== 'unknown') announce(`The worker is ${shown}.`);
  pill.dataset.state = shown;
  pill.textContent = shown;
  pill.title = stuck ?? '';
  byId('services').replaceChildren(
    ...Object.entries(names).flatMap(([key, name]) => {
      const found = dependencies[key];
      return found ? [service(key, name, found)] : [];
    }),
  );
}

/**
 * @param {string} key
 * @param {string} name
 * @param {Dependency} dependency
 */
function service(key, name, { state, since, reason }) {
  const word = words[state] ?? state;
  const known = before.get(key);
  if (known !== undefined && known !== state) announce(`${name} is ${word}. ${reason ?? ''}`);
  before.set(key, state);
  return element(
    'li',
    { class: 'service', 'data-state': state },
    element('strong', {}, name),
    element('span', { class: 'word' }, word),
    element('time', { datetime: since, title: since }, `for ${age(Date.now() - Date.parse(since))}`),
    reason === undefined ? undefined : element('p', { class: 'reason' }, written(reason)),
  );
}
