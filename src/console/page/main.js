import { ask, Refusal } from './ask.js';
import { byId } from './elements.js';
import { makeLetters } from './letters.js';
import { follow } from './live.js';
import { makeLookup } from './lookup.js';
import { makeNow } from './now.js';
import { showStatus } from './services.js';

const views = ['now', 'dead-letters', 'conversations'];
const now = makeNow();
const lookup = makeLookup({ onRefused });
const letters = makeLetters({
  onRefused,
  onSession(sessionId, userId) {
    location.hash = 'conversations';
    void lookup.open(sessionId, userId);
  },
});
/** @type {{ end: () => void } | undefined} */
let following;

/** @param {unknown} error */
function onRefused(error) {
  if (error instanceof Refusal && error.status === 401) askForToken();
}

function askForToken() {
  following?.end();
  following = undefined;
  // Whoever comes next to this screen sees nothing of it.
  lookup.clear();
  letters.clear();
  for (const view of views) byId(view).hidden = true;
  byId('views').hidden = true;
  byId('sign-out').hidden = true;
  byId('connection').textContent = '';
  byId('sign-in').hidden = false;
  byId('token').focus();
}

/** @param {boolean} needsToken */
function begin(needsToken) {
  byId('sign-in').hidden = true;
  byId('views').hidden = false;
  byId('sign-out').hidden = !needsToken;
  following ??= follow(
    {
      hello(hello) {
        byId('service').textContent = hello.service;
        document.title = hello.service;
        now.begin(hello);
        letters.begin(hello.replays);
        if (hello.status) showStatus(hello.status);
        void letters.look();
      },
      sample(sample) {
        now.add(sample);
        if (sample.deadLettered > 0) void letters.look();
      },
      status: showStatus,
      replay: letters.note,
    },
    () => void check(),
  );
  show(false);
}

/** The view that the address names. */
function show(moveFocus = true) {
  if (!following) return;
  const hash = location.hash.slice(1);
  const chosen = views.includes(hash) ? hash : 'now';
  for (const view of views) byId(view).hidden = view !== chosen;
  for (const link of byId('views').querySelectorAll('a'))
    if (link.hash === `#${chosen}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  if (chosen === 'dead-letters') void letters.look();
  if (!moveFocus) return;
  window.scrollTo(0, 0);
  byId(`${chosen}-title`).focus({ preventScroll: true });
}

/** Whether we are let in. */
async function check() {
  const session = await ask('session').catch(() => undefined);
  if (!session) return;
  if (session.isLetIn) begin(session.needsToken);
  else askForToken();
}

window.addEventListener('hashchange', () => show());
byId('sign-out').addEventListener('click', () => {
  void ask('session', { method: 'DELETE' }).then(askForToken, onRefused);
});
byId('sign-in-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const token = /** @type {HTMLInputElement} */ (byId('token'));
  const fault = byId('sign-in-fault');
  fault.textContent = '';
  try {
    await ask('session', { body: { token: token.value } });
    token.value = '';
    begin(true);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    fault.textContent = `Not signed in: ${error.message}.`;
    token.select();
  }
});
void check();
