import { existsSync } from 'node:fs';

const USUAL = [
  ...['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'],
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Where the browser is that the console's page is tried in: what CHROMIUM names, or the first of the usual places. */
export const chromiumPath: string | undefined = [process.env.CHROMIUM ?? '', ...USUAL].find(
  (path) => path !== '' && existsSync(path),
);

export const NO_CHROMIUM =
  'there is no Chromium in the usual places, nor does CHROMIUM name one: install it (Debian: apt-get install chromium)';
