import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath } from '../tools/chromium.ts';
import { lookingWith } from './console-page-setting.ts';
import { setAside } from './set-aside.ts';
import { conversation } from './setting.ts';

/** As if it were clicked without the focus going there: as when the worker tells of something new. */
const LOOK_AGAIN = "document.getElementById('look-again').click()";
const FOCUSED = 'document.activeElement.textContent';

describe.runIf(chromiumPath)('dead letters in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  const looking = async (sets: [reason: string, events: unknown[]][]) => {
    const made = await lookingWith(browser, {
      async before(scene) {
        for (const [reason, events] of sets) await setAside(scene, events, reason);
      },
    });
    await made.page.getByRole('link', { name: /Dead letters/ }).click();
    await expect.poll(() => made.page.locator('.group').count()).toBe(sets.length);
    return made;
  };
  const group = (page: Page, reason: string) => page.locator('.group', { hasText: reason });

  test('the focus stays where it was when all is drawn anew, and near where that is gone', async () => {
    const talk = conversation(1, { title: 'Named' });
    const { page, complaints, show, announce } = await looking([
      ['ConversationNotFound', [talk.event]],
      ['InvalidEvent', [{ ...conversation().event, userId: 7 }]],
    ]);
    const count = page.locator('#dead-count');
    const focusedAfterAnother = async (): Promise<string> => {
      const before = Number(await count.textContent());
      await announce({ ...conversation().event, userId: 7 });
      await expect.poll(() => count.textContent()).toBe(String(before + 1));
      return page.evaluate<string>(FOCUSED);
    };
    const summary = group(page, 'ConversationNotFound').locator('summary');
    await summary.press('Enter');
    expect(await focusedAfterAnother()).toBe('One by one: ConversationNotFound');
    await page.getByRole('button', { name: talk.sessionId }).focus();
    expect(await focusedAfterAnother()).toBe(talk.sessionId);
    await show(talk.snapshot);
    await page.getByRole('button', { name: 'Replay it: ConversationNotFound' }).press('Enter');
    await expect.poll(() => group(page, 'ConversationNotFound').locator('h3').count()).toBe(0);
    expect(await page.evaluate(FOCUSED)).toBe('Dead letters');
    expect(complaints).toEqual([]);
  });

  test('an answer puts nothing back to what it was, and that another replay is under way is told until the next click', async () => {
    const talks = Array.from({ length: 3 }, () => conversation(1, { title: 'Named' }));
    const { page, stack, show } = await looking([
      ['ConversationNotFound', talks.map(({ event }) => event)],
      ['InvalidEvent', [{ ...conversation().event, userId: 7 }]],
    ]);
    for (const { snapshot } of talks) await show(snapshot);
    stack.cosmos.setFaults({ freeze: true });
    // Its answer comes behind what the stream tells.
    let letThrough = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    await page.route('**/console/replays', async (route) => {
      const response = await route.fetch();
      await held;
      await route.fulfill({ response });
    });
    await page.getByRole('button', { name: 'Replay all 3' }).click();
    const replay = page.locator('.replay');
    await expect.poll(() => replay.textContent()).toMatch(/0 of 3 so far|waits for/);
    const answered = page.waitForEvent('requestfinished', (request) => request.url().endsWith('/replays'));
    letThrough();
    await answered;
    await page.unrouteAll({ behavior: 'wait' });
    await page.evaluate(
      'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))',
    );
    expect(await replay.textContent()).not.toContain('counting');
    await page.getByRole('button', { name: 'Replay it: InvalidEvent' }).click();
    const told = page.getByRole('alert').filter({ hasText: 'Another replay is under way' });
    await expect.poll(() => told.isVisible()).toBe(true);
    stack.cosmos.setFaults({ freeze: false });
    await expect.poll(() => replay.textContent()).toContain('3 of 3 dead letters replayed');
    expect(await told.isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Replay it: InvalidEvent' }).click();
    await expect.poll(() => told.count()).toBe(0);
  });

  test('what happens during a look is looked at after it, and who is told to wait does', async () => {
    const { page } = await looking([['ConversationNotFound', [conversation().event]]]);
    let asked = 0;
    let letThrough = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    await page.route('**/console/dead-letters', async (route) => {
      asked += 1;
      if (asked === 1) await held;
      if (asked === 2) {
        const json = { error: 'too often: again in 1 s', afterSeconds: 1 };
        return route.fulfill({ status: 429, json });
      }
      await route.continue();
    });
    await page.evaluate(LOOK_AGAIN);
    await expect.poll(() => asked).toBe(1);
    await page.evaluate(LOOK_AGAIN);
    letThrough();
    await expect.poll(() => asked).toBe(3);
    expect(await page.locator('#letters-summary').textContent()).toMatch(/^1 of /);
  });
});
