import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { makeLog } from './log.ts';

function paper() {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}

describe('a line of the log', () => {
  test('is JSON with the level in the seed’s spelling, and names the event as spans do', () => {
    const { stream, text } = paper();
    const log = makeLog('DEBUG', 'history-worker', stream);
    log.debug({}, 'a detail');
    log.warn({ code: 'LockLost', userId: 'u', sessionId: 's', chatMessageId: 'c', messageId: 'm' }, 'a lock');
    log.error({ code: 'UnhandledError' }, 'an error');
    const lines = text()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ level }) => level)).toEqual(['DEBUG', 'WARNING', 'ERROR']);
    expect(lines[1]).toEqual({
      level: 'WARNING',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      service: 'history-worker',
      code: 'LockLost',
      'app.user_id': 'u',
      'app.session_id': 's',
      'app.chat_message_id': 'c',
      messageId: 'm',
      msg: 'a lock',
    });
  });

  test('about what is no event bears no empty ids', () => {
    const { stream, text } = paper();
    makeLog('INFO', 'history-worker', stream).info(
      { userId: '', sessionId: 's', chatMessageId: undefined },
      'x',
    );
    const ids = Object.keys(JSON.parse(text())).filter((name) => name.startsWith('app.'));
    expect(ids).toEqual(['app.session_id']);
  });

  test('under the level that is asked for goes nowhere', () => {
    const { stream, text } = paper();
    const log = makeLog('ERROR', 'history-worker', stream);
    const taken: string[] = [];
    log.attach({
      about: () => ({}),
      take: (_, severity, __, message) => taken.push(`${severity} ${message}`),
    });
    log.warn({}, 'a warning');
    log.error({}, 'an error');
    expect(taken).toEqual(['ERROR an error']);
    expect(text()).not.toContain('a warning');
  });

  test('says once what it belongs to, whoever says it', () => {
    const { stream, text } = paper();
    const log = makeLog('INFO', 'history-worker', stream);
    log.attach({
      about: () => ({ trace_id: 't', 'app.user_id': 'of the context' }),
      take: () => undefined,
    });
    log.info({ userId: 'own' }, 'hello');
    expect(text().match(/app\.user_id/g)).toHaveLength(1);
    expect(JSON.parse(text())).toMatchObject({ trace_id: 't', 'app.user_id': 'own' });
  });
});
