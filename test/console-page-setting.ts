import type { Browser } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { startWorkerWithConsole } from '../tools/worker-with-console.ts';
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
  const worker = await startWorkerWithConsole(
    { ...scene.stack.environment, ...environment },
    { sampleMs: 100, statusMs: 50 },
  );
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
    if (!request.url().startsWith(`${worker.url}/console/`)) complaints.push(`asked for ${request.url()}`);
  });
  onTestFinished(async () => {
    // What is still routed ends with the page.
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
    await worker.close();
  });
  await page.goto(`${worker.url}/console/`);
  return { ...scene, page, complaints, url: worker.url };
}
