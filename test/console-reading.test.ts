import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath } from '../tools/chromium.ts';
import { type Given, lookingWith } from './console-page-setting.ts';
import { conversation, eventOf, timeOf, turn } from './setting.ts';

const USER = 'user_001';
const TIME = '2026-03-01T10:00:00Z';
/** As it might lie in history, whoever wrote it. */
const stored = (sessionId: string, fields: Record<string, unknown> = {}) => ({
  id: sessionId,
  sessionId,
  userId: USER,
  title: `Title of ${sessionId}`,
  createdAt: TIME,
  lastActivity: TIME,
  persistedAt: TIME,
  messages: [] as unknown[],
  ...fields,
});

const message = (fields: Record<string, unknown>) => ({
  messageId: 'm',
  role: 'user',
  timestamp: TIME,
  ...fields,
});

describe.runIf(chromiumPath)('conversations in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  /** At the view of conversations. */
  async function reading(given: Given = {}) {
    const looking = await lookingWith(browser, given);
    await looking.page.getByRole('link', { name: 'Conversations' }).click();
    return looking;
  }

  const list = async (page: Page, userId: string) => {
    await page.getByRole('form', { name: 'List by user' }).getByLabel('User id').fill(userId);
    await page.keyboard.press('Enter');
  };
  const lookUp = async (page: Page, sessionId: string) => {
    await page.getByLabel('Session id').fill(sessionId);
    await page.keyboard.press('Enter');
  };
  const focused = (page: Page) => page.evaluate<string>('document.activeElement.textContent');

  for (const partitionKeyPath of ['/userId', '/sessionId'])
    test(`of a user who has 10,000 in a container keyed by ${partitionKeyPath} as many are listed as are asked for, by keys alone`, async () => {
      const { page, complaints } = await reading({
        options: { partitionKeyPath },
        async before({ stack }) {
          for (let index = 0; index < 10_000; index += 1) {
            const lastActivity = new Date(Date.UTC(2026, 2, 1) + index * 1_000).toISOString();
            stack.cosmos.put(stored(`s${index}`, { lastActivity }));
          }
        },
      });
      await list(page, USER);
      const rows = page.locator('.list .link');
      await expect.poll(() => rows.count()).toBe(25);
      const more = page.getByRole('button', { name: 'Show more' });
      await more.focus();
      await page.keyboard.press('Enter');
      await expect.poll(() => rows.count()).toBe(50);
      expect(await rows.last().textContent()).toBe('Title of s9950');
      // The focus goes on where the list does.
      await expect.poll(() => focused(page)).toBe('Title of s9974');
      await page.keyboard.press('Enter');
      await expect.poll(() => page.locator('.conversation h3').textContent()).toBe('Title of s9974');
      await expect.poll(() => focused(page)).toBe('Title of s9974');
      expect(complaints).toEqual([]);
    });

  test('one of 10 MB is read page by page, from a container keyed by /sessionId', async () => {
    const { page, complaints, show, announce, item } = await reading({
      options: { partitionKeyPath: '/sessionId' },
    });
    const long = conversation(0, { title: 'Ten megabytes' });
    // Of two bytes a character.
    const words = 'é'.repeat(51_200);
    long.snapshot.messages.push(
      ...Array.from({ length: 100 }, (_, index) => turn(`t${index}`, index, `${index} ${words}`)).flat(),
    );
    long.snapshot.lastActivity = timeOf(99);
    await show(long.snapshot);
    await announce(eventOf(long.snapshot, 't99'));
    await expect.poll(() => item(long.sessionId, long.sessionId)?.segments).toBeDefined();
    await lookUp(page, long.sessionId);
    const where = page.locator('.pager span');
    await expect.poll(() => where.textContent()).toMatch(/^Messages \d+ to 200 of 200$/);
    await page.getByRole('button', { name: 'Oldest' }).press('Enter');
    await expect.poll(() => where.textContent()).toMatch(/^Messages 1 to \d+ of 200$/);
    const first = page.locator('.message').first();
    expect(await first.locator('.id').textContent()).toBe('t0_user');
    const more = first.getByRole('button', { name: 'Show more: 31,202 characters' });
    await more.press('Enter');
    await expect.poll(() => more.count()).toBe(0);
    expect(await focused(page)).toBe(`0 ${words}`);
    for (let pages = 0; await page.getByRole('button', { name: 'Newer' }).isEnabled(); pages += 1) {
      const before = await where.textContent();
      await page.getByRole('button', { name: 'Newer' }).press('Enter');
      await expect.poll(() => where.textContent()).not.toBe(before);
      expect(pages).toBeLessThan(30);
    }
    expect(await page.locator('.message .id').last().textContent()).toBe('t99_assistant');
    expect(complaints).toEqual([]);
  });

  test('whatever stands in place of a text is shown, and hides nothing beside it', async () => {
    const object = { toString: 'no function', valueOf: 1, __proto__hint: 1 };
    const { page, complaints } = await reading({
      async before({ stack }) {
        stack.cosmos.put(
          stored('odd', {
            title: object,
            createdAt: object,
            messages: [
              message({ messageId: object, timestamp: object, content: 'behind odd fields' }),
              message({ content: { text: 'an object' } }),
              message({ content: 'not left out', omittedBytes: 5 }),
              message({ omittedBytes: object, content: 'nor this' }),
              message({ omittedBytes: 2_000_000 }),
              message({ content: null }),
              message({ timestamp: '2026-03-01T10:00:00 (\u202eevil)', content: [object, 'a part', null] }),
            ],
          }),
        );
        stack.cosmos.put(stored('even', { lastActivity: '2026-02-01T10:00:00Z' }));
      },
    });
    await list(page, USER);
    const rows = page.locator('.list .link');
    await expect.poll(() => rows.allTextContents()).toEqual([JSON.stringify(object), 'Title of even']);
    await rows.first().click();
    const messages = page.locator('.message');
    await expect.poll(() => messages.count()).toBe(7);
    const texts = await messages.allTextContents();
    for (const [index, text] of [
      'behind odd fields',
      '"text": "an object"',
      'not left out',
      'nor this',
      'left out: 2000000 bytes',
      'no content',
      'a part',
    ].entries())
      expect(texts[index]).toContain(text);
    expect(texts[2]).toContain('"omittedBytes": 5');
    expect(texts[4]).not.toContain('Other fields');
    expect(texts[6]).toContain('2026-03-01T10:00:00 (\\u202eevil)');
    expect(await messages.last().locator('time').getAttribute('title')).not.toContain('\u202e');
    expect(complaints).toEqual([]);
  });

  test('a message in a great many pieces is shown a few at a time', async () => {
    // A sign that cannot be seen behind each one that can: half a million pieces, in an item.
    const hidden = 'a\u200b'.repeat(10_000);
    const { page, complaints } = await reading({
      async before({ stack }) {
        stack.cosmos.put(
          stored('hidden', {
            messages: [
              message({ content: Array.from({ length: 25 }, () => hidden) }),
              message({ content: '\u200b'.repeat(20_000) }),
            ],
          }),
        );
      },
    });
    await lookUp(page, 'hidden');
    const [parts, run] = [page.locator('.message').first(), page.locator('.message').last()];
    await expect.poll(() => parts.locator('.text').count()).toBe(25);
    expect(await page.locator('.unseen').count()).toBeLessThan(300);
    expect(await run.locator('.text').textContent()).toBe('\\u200b'.repeat(20_000));
    const more = parts.getByRole('button').last();
    expect(await more.textContent()).toBe('Show more: 20,000 characters');
    await more.press('Enter');
    await expect.poll(() => more.textContent()).toBe('Show more: 10,000 characters');
    await more.press('Enter');
    await expect.poll(() => parts.locator('.text').last().textContent()).toBe('a\\u200b'.repeat(10_000));
    expect(complaints).toEqual([]);
  });

  test('after a sign-out nothing that was looked at is left in the page, nor comes to it', async () => {
    const { page, stack } = await lookingWith(browser, {
      environment: { CONSOLE_TOKEN: 'the-token-of-this-test' },
      before: async (scene) => scene.stack.cosmos.put(stored('secret', { title: 'A secret' })),
    });
    await page.getByLabel('Token of the console').fill('the-token-of-this-test');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Conversations' }).click();
    await lookUp(page, 'secret');
    await expect.poll(() => page.locator('.conversation h3').textContent()).toBe('A secret');
    // One that is answered when nobody is signed in any more.
    await list(page, 'user_of_the_list');
    stack.cosmos.setFaults({ latencyMs: 300 });
    const answered = page.waitForResponse(/console\/conversation$/);
    await lookUp(page, 'secret');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await answered;
    await expect.poll(() => page.getByLabel('Token of the console').isVisible()).toBe(true);
    const left = await page.evaluate<string>(
      "document.body.textContent + [...document.querySelectorAll('input')].map((input) => input.value)",
    );
    expect(left).not.toMatch(/secret|user_of_the_list/);
  });
});
