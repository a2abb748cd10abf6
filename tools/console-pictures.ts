import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceBusClient } from '@azure/service-bus';
import { createClient } from '@redis/client';
import { type Browser, chromium, type Page } from 'playwright-core';
import { startStack } from '../emulators/stack.ts';
import { addTurn, type Chat, makeChance, newChat } from '../src/dev/chats.ts';
import { openFrontEnd } from '../src/dev/front-end.ts';
import { chromiumPath, NO_CHROMIUM } from './chromium.ts';
import { startWorkerWithConsole } from './worker-with-console.ts';

/**
 * Takes the pictures of the console in docs/pictures/: five minutes of people who talk, with an outage of Cosmos DB, a title model
 * that stumbles and events that are set aside, on the stand-ins. `npm run pictures -- 60` makes it one minute.
 */
const FOLDER = 'docs/pictures';
const SECONDS = Number(process.argv[2] ?? 300);
const USERS = 12;

const stack = await startStack({ latencyMs: { cosmos: 6, redis: 1, chat: 250 } });
const worker = await startWorkerWithConsole(
  { ...stack.environment, TURN_WAIT_SECONDS: '2', TITLE_TIMEOUT_SECONDS: '5' },
  { sampleMs: (SECONDS / 120) * 1000 },
);
const { config } = worker;
const frontEnd = await openFrontEnd(stack.environment);
const chance = makeChance(7);
const chats: Chat[] = [];
const sending: Promise<void>[] = [];

/** Adds a turn that every machine can show: not each that takes pictures has all fonts. */
function takeTurn(chat: Chat): string {
  const before = chat.messages.length;
  for (;;) {
    const turn = addTurn(chat, chance, new Date());
    if (!/[\u3000-\u9fff]|\p{Extended_Pictographic}/u.test(JSON.stringify(chat))) return turn;
    chat.messages.splice(before);
  }
}

function speak(): void {
  const isNew = chats.length === 0 || chance.below(5) === 0;
  const chat = isNew
    ? newChat(chance, USERS, new Date())
    : chats[Math.max(0, chats.length - 1 - chance.below(30))]!;
  if (isNew) chats.push(chat);
  sending.push(frontEnd.finishTurn(chat, takeTurn(chat)));
}

/** What is set aside: events that are none, of turns that nobody has, and of conversations that are gone. */
async function sendWhatFails(): Promise<void> {
  const client = new ServiceBusClient(stack.environment.SERVICEBUS_CONNECTION_STRING!);
  const sender = client.createSender(config.serviceBus.topic);
  const event = (index: number, fields: object) => ({
    body: {
      sessionId: `sess_7f3a${index}`,
      userId: `user_${index % USERS}`,
      chatMessageId: `msg_51c0${index}`,
      completedAt: new Date().toISOString(),
      eventType: 'message_completed',
      ...fields,
    },
    messageId: `message ${index}`,
  });
  await sender.sendMessages([
    ...Array.from({ length: 14 }, (_, index) => event(index, {})),
    ...Array.from({ length: 3 }, (_, index) => event(20 + index, { userId: index })),
    ...Array.from({ length: 2 }, (_, index) => event(30 + index, { eventType: 'message_started' })),
  ]);
  await client.close();
}

/** Some of the conversations that were gone are there after all. */
async function bringBack(): Promise<void> {
  const redis = createClient({
    socket: { host: config.redis.host, port: config.redis.port },
    password: stack.environment.REDIS_PASSWORD!,
  });
  await redis.connect();
  for (let index = 0; index < 11; index += 1) {
    const chat = newChat(chance, USERS, new Date());
    takeTurn(chat);
    const ids = { sessionId: `sess_7f3a${index}`, userId: `user_${index % USERS}` };
    await redis.set(`session:${ids.sessionId}`, JSON.stringify({ ...chat, ...ids }));
  }
  redis.destroy();
}

async function live(): Promise<void> {
  const startedMs = performance.now();
  const share = (): number => (performance.now() - startedMs) / (SECONDS * 1000);
  const at: [number, () => void | Promise<void>][] = [
    [0.3, () => void stack.chat.setFaults({ status: { code: 400, every: 2 } })],
    [0.42, () => void stack.chat.setFaults({ status: undefined })],
    [0.48, () => void stack.chat.setFaults({ contentFilter: 'Kubernetes' })],
    [0.55, () => stack.cosmos.setFaults({ refuseConnections: true })],
    [0.6, () => stack.cosmos.setFaults({ refuseConnections: false })],
    [0.7, sendWhatFails],
  ];
  while (share() < 1) {
    while (at[0] && share() > at[0][0]) await at.shift()![1]();
    const rate = 9 + 5 * Math.sin(share() * 9) + (share() > 0.8 && share() < 0.88 ? 14 : 0);
    speak();
    await sleep((1000 / rate) * (0.4 + chance.below(120) / 100));
  }
  await Promise.all(sending);
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${FOLDER}/${name}.png`, animations: 'disabled' });
  console.log(`${FOLDER}/${name}.png`);
}

async function open(browser: Browser, view: string, options: object): Promise<Page> {
  const page = await (
    await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  ).newPage();
  await page.goto(`${worker.url}/console/#${view}`);
  return page;
}

async function takePictures(): Promise<void> {
  if (!chromiumPath) throw new Error(NO_CHROMIUM);
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(browser, 'now', { colorScheme });
    await page.locator('.chart path').first().waitFor();
    await take(page, `console-${colorScheme}`);
  }
  const letters = await open(browser, 'dead-letters', { colorScheme: 'light' });
  await letters.locator('.group').nth(2).waitFor();
  await letters
    .locator('.group', { hasText: 'ConversationNotFound' })
    .getByRole('button', { name: /^Replay all/ })
    .click();
  await letters.locator('.replay[data-state=partly]').waitFor({ timeout: 60_000 });
  await letters.locator('.group', { hasText: 'InvalidEvent' }).locator('summary').click();
  await take(letters, 'console-dead-letters');
  const conversations = await open(browser, 'conversations', { colorScheme: 'light' });
  await conversations.locator('#user').fill(chats.at(-12)!.userId);
  await conversations.keyboard.press('Enter');
  const { sessionId } = chats.findLast(
    ({ userId, messages }) => userId === chats.at(-12)!.userId && messages.length > 5,
  )!;
  await conversations.locator('.list tr', { hasText: sessionId }).locator('.link').click();
  await conversations.locator('.message').first().waitFor();
  await take(conversations, 'console-conversation');
  const phone = await open(browser, 'now', {
    colorScheme: 'dark',
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  await phone.locator('.chart path').first().waitFor();
  await take(phone, 'console-phone');
  await browser.close();
}

mkdirSync(FOLDER, { recursive: true });
try {
  await live();
  await bringBack();
  await takePictures();
} finally {
  await worker.close();
  await frontEnd.close();
  await stack.close();
}
process.exit();
