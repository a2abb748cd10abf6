import type { Browser } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { readConfig } from '../src/config.ts';
import { makeConsole } from '../src/console/console.ts';
import { startHealth } from '../src/health.ts';
import { quiet } from '../src/operations/quiet.ts';
import { startWorker } from '../src/worker.ts';
import { setTheScene } from './setting.ts';

type Scene = Awaited<ReturnType<typeof setTheScene>>;

export type Given = {
  environment?: Record<string, string>;
  options?: Parameters<typeof setTheScene>[0];
  before?: (scene: Scene) => Promise<void>;
};

/** A worker with its console, and a browser on it. Nothing that the page complains of is let pass. */
export async function lookingWith(
  browser: Browser,
  { environment = {}, options = {}, before = async () => undefined }: Given = {},
) {
  const scene = await setTheScene(options);
  await before(scene);
  const config = readConfig({
    ...scene.stack.environment,
    HEALTH_PORT: '0',
    CONSOLE_ENABLED: 'true',
    ...environment,
  });
  const own = makeConsole({ ...config, console: config.console! }, quiet, { sampleMs: 100, statusMs: 50 });
  const part = { path: '/console', answer: own.answer };
  const health = (await startHealth({ health: config.health, metrics: async () => '', log: quiet, part }))!;
  own.tellOf(health.status);
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const worker = await startWorker(config, quiet, { onFatal, watch: own.watch });
  health.started(worker);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${health.url}/console/`)) complaints.push(`asked for ${request.url()}`);
  });
  onTestFinished(async () => {
    // What is still routed ends with the page.
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
    await worker.stop(5_000);
    await own.close();
    await health.close();
  });
  await page.goto(`${health.url}/console/`);
  return { ...scene, page, complaints, url: health.url };
}
