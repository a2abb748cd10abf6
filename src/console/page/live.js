import { announce, byId } from './elements.js';

const AGAIN_MS = 5_000;
/** Events come at least so often. */
const SILENT_MS = 20_000;

/**
 * Follows what the worker tells, as long as the page is looked at.
 * @param {Record<string, (data: any) => void>} listeners by event
 * @param {() => void} onRefused it answers, but not to us
 */
export function follow(listeners, onRefused) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isLost = false;

  /** @param {'live' | 'lost' | 'resting'} state */
  function tell(state) {
    const shown = byId('connection');
    shown.dataset.state = state;
    shown.textContent = { live: 'live', lost: 'not connected', resting: 'resting' }[state];
    if (state === 'lost' && !isLost) announce('The connection to the worker is lost.');
    if (state === 'live' && isLost) announce('The worker answers again.');
    if (state !== 'resting') isLost = state === 'lost';
  }

  function heard() {
    tell('live');
    clearTimeout(timer);
    timer = setTimeout(again, SILENT_MS);
  }

  function again() {
    tell('lost');
    close();
    timer = setTimeout(open, AGAIN_MS);
  }

  function open() {
    close();
    const opened = new EventSource('live');
    source = opened;
    for (const [event, listen] of Object.entries(listeners))
      opened.addEventListener(event, ({ data }) => {
        heard();
        listen(JSON.parse(data));
      });
    opened.addEventListener('error', () => {
      // It tries again by itself, unless it was refused.
      if (opened.readyState === EventSource.CLOSED) {
        again();
        onRefused();
      } else tell('lost');
    });
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  }

  function look() {
    if (document.hidden) {
      close();
      tell('resting');
    } else open();
  }

  document.addEventListener('visibilitychange', look);
  look();
  return {
    end() {
      document.removeEventListener('visibilitychange', look);
      close();
    },
  };
}
