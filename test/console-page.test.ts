import { readFileSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, NO_CHROMIUM } from '../tools/chromium.ts';
import { type Given, lookingWith } from './console-page-setting.ts';
import { setAside } from './set-aside.ts';
import { conversation } from './setting.ts';

/** Evaluated in the page: answers what is written with too little contrast. */
const faint = readFileSync('test/in-page/faint-text.js', 'utf8');
/** And what has no name for a screen reader. */
const nameless = readFileSync('test/in-page/nameless.js', 'utf8');
const FOCUSED = 'document.activeElement.id || document.activeElement.textContent';
const TOO_WIDE = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
const TOKEN = 'the-token-of-this-test';

test('there is a browser, where it is asked for', () => {
  if (process.env.CI === 'true') expect(chromiumPath, NO_CHROMIUM).toBeDefined();
});

if (!chromiumPath) console.log(`The console's page was NOT tried: ${NO_CHROMIUM}`);
describe.runIf(chromiumPath)('the page in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  const looking = (given: Given = {}) => lookingWith(browser, given);

  const figure = (page: Page, name: string) =>
    page.locator('.figure', { has: page.getByText(name, { exact: true }) }).locator('b');

  test('numbers and charts move with what the worker does, and a service that goes away is named', async () => {
    const { page, complaints, show, announce, stack } = await looking();
    await expect.poll(() => page.locator('#connection').textContent()).toBe('live');
    await expect.poll(() => page.locator('#state').textContent()).toBe('running');
    await expect.poll(() => figure(page, 'durable a second').textContent()).toBe('0');
    const talks = Array.from({ length: 10 }, () => conversation());
    for (const { snapshot } of talks) await show(snapshot);
    for (const { event } of talks) await announce(event);
    await expect.poll(() => figure(page, 'durable a second').textContent()).not.toBe('0');
    await expect.poll(() => figure(page, 'to durable, p99').textContent()).toMatch(/\d ms|\d s/);
    const chart = page.getByRole('img', { name: /^Request units a second/ });
    await expect.poll(() => chart.getAttribute('aria-label')).not.toContain('0 to 0.');
    await expect.poll(() => chart.locator('path').getAttribute('d')).toMatch(/M[\d.]+ [\d.]+.*L/);

    const service = page.locator('.service', { hasText: 'Cosmos DB' });
    expect(await service.textContent()).toContain('there');
    stack.cosmos.setFaults({ refuseConnections: true });
    const more = Array.from({ length: 3 }, () => conversation());
    for (const { snapshot } of more) await show(snapshot);
    for (const { event } of more) await announce(event);
    await expect.poll(() => service.textContent()).toMatch(/away.*probe failed/);
    expect(await page.getByRole('status').textContent()).toMatch(/Cosmos DB is away|The worker is waiting/);
    await expect.poll(() => page.locator('.outage').count()).toBeGreaterThan(0);
    stack.cosmos.setFaults({ refuseConnections: false });
    await expect.poll(() => service.getAttribute('data-state')).toBe('open');
    expect(complaints).toEqual([]);
  });

  test('one click replays a dead letter, and says what became of it to every viewer', async () => {
    const talk = conversation(1, { title: 'Named' });
    const { page, complaints, item, url } = await looking({
      async before(scene) {
        await setAside(scene, [talk.event]);
        await setAside(scene, [{ ...conversation().event, userId: 7 }], 'InvalidEvent');
        await scene.show(talk.snapshot);
      },
    });
    const other = await page.context().newPage();
    await other.goto(`${url}/console/#dead-letters`);
    await expect.poll(() => page.locator('#dead-count').textContent()).toBe('2');
    await page.getByRole('link', { name: /Dead letters/ }).click();
    const group = page.locator('.group', { hasText: 'ConversationNotFound' });
    expect(await group.textContent()).toContain('look at the age of events');
    await group.getByRole('button', { name: 'Replay it' }).click();
    for (const each of [page, other])
      await expect.poll(() => each.locator('.replay').textContent()).toContain('1 of 1 dead letter replayed');
    expect(item(talk.userId, talk.sessionId)).toMatchObject({ title: 'Named' });
    await expect.poll(() => group.count()).toBe(0);
    await page.getByRole('button', { name: 'Replay it' }).click();
    await expect
      .poll(() => page.locator('.replay').first().textContent())
      .toContain('1 failed again and stay');
    expect(complaints).toEqual([]);
  });

  test('a hostile conversation is text: nothing runs, nothing hides, nothing turns around', async () => {
    const markup = '<img src=x onerror="alert(1)"><script>alert(2)</script><style>*{display:none}</style>';
    const talk = conversation(1, { title: `${markup}\u202egnp.exe\u0007` });
    const messages = talk.snapshot.messages;
    messages[0]!.content = `${markup}\n\u202etxet\u0000\u2066 javascript:alert(3) </li></ol>`;
    messages[1]!.content = 'x'.repeat(600_000);
    Object.assign(messages[0]!, { __proto__hint: '<b>bold</b>', tool_calls: [markup] });
    for (let index = 0; index < 3_000; index += 1)
      messages.push({
        messageId: `more_${index}`,
        role: `<i>${index}`,
        content: 'ع'.repeat(3),
        timestamp: 'never',
      });
    // The snapshot must be one that the worker accepts.
    for (const message of messages)
      if (message.timestamp === 'never') message.timestamp = talk.snapshot.createdAt as string;
    const { page, complaints, show, announce, item } = await looking();
    await show(talk.snapshot);
    await announce(talk.event);
    await expect.poll(() => item(talk.userId, talk.sessionId)).toBeDefined();
    await page.getByRole('link', { name: 'Conversations' }).click();
    await page.getByRole('form', { name: 'List by user' }).getByLabel('User id').fill(talk.userId);
    await page.keyboard.press('Enter');
    const row = page.locator('.list .link');
    await expect.poll(() => row.textContent()).toBe(`${markup}\\u202egnp.exe\\u0007`);
    await row.click();
    const title = page.locator('.conversation h3');
    await expect.poll(() => title.textContent()).toBe(`${markup}\\u202egnp.exe\\u0007`);
    const shown = page.locator('.message');
    expect(await shown.first().locator('.text').textContent()).toBe(
      `${markup}\n\\u202etxet\\u0000\\u2066 javascript:alert(3) </li></ol>`,
    );
    expect(await shown.first().locator('.unseen').count()).toBe(2);
    expect(await shown.count()).toBe(100);
    const long = shown.nth(1);
    await long.getByRole('button', { name: 'Show more: 580,000 characters' }).click();
    await expect.poll(() => long.getByRole('button').textContent()).toBe('Show more: 380,000 characters');
    await page.getByRole('button', { name: 'Show 100 more of 2,902' }).click();
    await expect.poll(() => shown.count()).toBe(200);
    expect(await page.locator('main').locator('img, script, style, i').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('everything can be reached by the keyboard, and has a name', async () => {
    const talk = conversation(1, { title: 'Named' });
    const { page, complaints } = await looking({
      environment: { CONSOLE_TOKEN: TOKEN },
      before: (scene) => setAside(scene, [talk.event]),
    });
    const { keyboard } = page;
    const focused = () => page.evaluate<string>(FOCUSED);
    await expect.poll(focused).toBe('token');
    await keyboard.type('not this one');
    await keyboard.press('Enter');
    await expect.poll(() => page.getByRole('alert').first().textContent()).toContain('that is not the token');
    await keyboard.type(TOKEN);
    await keyboard.press('Enter');
    await expect.poll(() => page.locator('#connection').textContent()).toBe('live');
    const tabTo = async (name: RegExp): Promise<void> => {
      for (let steps = 0; steps < 40; steps += 1) {
        if (name.test(await focused())) return;
        await keyboard.press('Tab');
      }
      throw new Error(`nothing that is called ${name} has the focus`);
    };
    await tabTo(/^Dead letters/);
    await keyboard.press('Enter');
    await expect.poll(focused).toBe('dead-letters-title');
    await expect.poll(() => page.locator('.group').count()).toBe(1);
    await tabTo(/^Replay it$/);
    await keyboard.press('Enter');
    await expect.poll(() => page.getByRole('status').textContent()).toContain('1 failed again and stay');
    // It is the button of what is still there that has the focus, although all was drawn anew.
    expect(await focused()).toBe('Replay it');
    expect(await page.evaluate(nameless)).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await expect.poll(focused).toBe('token');
    expect(await page.locator('.group').count()).toBe(0);
    // The browser itself tells of the token that was refused.
    expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
  });

  test('who signs in to one worker stays signed in to another under the same name, out of reach for scripts', async () => {
    const environment = { CONSOLE_TOKEN: TOKEN };
    const { page, url } = await looking({ environment });
    const other = await looking({ environment });
    for (const each of [url, other.url]) {
      await page.goto(`${each}/console/`);
      await page.getByLabel('Token of the console').fill(TOKEN);
      await page.keyboard.press('Enter');
      await expect.poll(() => page.locator('#connection').textContent()).toBe('live');
    }
    await page.goto(`${url}/console/`);
    await expect.poll(() => page.locator('#connection').textContent()).toBe('live');
    const cookies = await page.context().cookies();
    expect(cookies).toHaveLength(2);
    for (const cookie of cookies)
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/console' });
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(JSON.stringify(cookies)).not.toContain(TOKEN);
  });

  test('light, dark and on a phone all views fit, and text stands out from its ground', async () => {
    const { page, complaints, url } = await looking({
      before: (scene) => setAside(scene, [conversation().event]),
    });
    const looks = [
      { colorScheme: 'light' },
      { colorScheme: 'dark' },
      { colorScheme: 'dark', width: 360 },
      { colorScheme: 'light', width: 360 },
    ] satisfies { colorScheme: 'light' | 'dark'; width?: number }[];
    for (const { colorScheme, width = 1280 } of looks) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 740 });
      for (const [view, there] of [
        ['now', '.figure b'],
        ['dead-letters', '.group'],
        ['conversations', '#session'],
      ] as const) {
        await page.goto(`${url}/console/#${view}`);
        await expect.poll(() => page.locator(there).first().isVisible()).toBe(true);
        expect(await page.evaluate(TOO_WIDE)).toBe(0);
        expect(await page.evaluate(faint)).toEqual([]);
        // A link to the view that is shown already hides none of it under the header.
        await page.locator(`#views [href='#${view}']`).click();
        expect(await page.evaluate('scrollY')).toBe(0);
      }
      for (const id of ['session', 'session-user', 'user'])
        expect((await page.locator(`#${id}`).boundingBox())!.width).toBeGreaterThan(250);
    }
    expect(complaints).toEqual([]);
  });

  test('where the system chooses the colours, all takes them but what the charts draw', async () => {
    const { page } = await looking();
    await page.emulateMedia({ forcedColors: 'active' });
    await page.locator('.chart path').first().waitFor({ state: 'attached' });
    const exempt = await page.evaluate(
      "[...document.querySelectorAll('body *')].filter((one) => getComputedStyle(one).forcedColorAdjust === 'none').map((one) => one.tagName)",
    );
    expect([...new Set(exempt as string[])]).toEqual(['path']);
  });
});
