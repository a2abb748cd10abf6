import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { makeLog } from './log.ts';
import { terminalLog } from './terminal-log.ts';

async function atTerminal() {
  let text = '';
  const stream = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  return { log: makeLog('INFO', 'history-worker', await terminalLog(stream)), raw: () => text };
}

test('a person at a terminal reads one line for each, what happened before what it tells', async () => {
  const { log, raw } = await atTerminal();
  log.warn({ code: 'GateClosed', reason: 'Redis: "gone"', attempts: 2 }, 'gate closed');
  log.info({ userId: 'u-1', sessionId: 's 1', request: { units: 1.5 } }, 'event completed');
  await expect.poll(raw).toContain('event completed');
  const lines = stripVTControlCharacters(raw()).trim().split('\n');
  expect(lines.map((line) => line.replace(/^\[\d\d:\d\d:\d\d\.\d{3}\] /, ''))).toEqual([
    'WARNING: gate closed code=GateClosed reason="Redis: \\"gone\\"" attempts=2',
    'INFO: event completed app.user_id=u-1 app.session_id="s 1" request={"units":1.5}',
  ]);
});

test('an id neither moves the cursor nor turns the line around', async () => {
  const { log, raw } = await atTerminal();
  log.info(
    { userId: '\u001b[2Jgone', sessionId: '\u009b2J\u202eback\u{e0041}', chatMessageId: 'a\nb' },
    'hello',
  );
  await expect.poll(raw).toContain('hello');
  const [line, ...more] = stripVTControlCharacters(raw()).trim().split('\n');
  expect(more).toEqual([]);
  expect(line).toContain('app.user_id=\\u001b[2Jgone');
  expect(line).toContain('app.session_id=\\u009b2J\\u202eback\\u{e0041}');
  expect(line).toContain('app.chat_message_id="a\\nb"');
});
