import { request as send } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { askHealth } from './scrape.ts';
import { setTheScene } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

export type Sent = { method?: string; body?: unknown; headers?: Record<string, string> };
// biome-ignore lint/suspicious/noExplicitAny: what was told is looked at by the tests
export type Json = any;
type Answered = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: Json;
};

type Scene = Awaited<ReturnType<typeof setTheScene>>;

/** A worker as shipped with its console, on the stand-ins; `before` is done before it could take anything. */
export async function running(
  environment: Record<string, string> = {},
  before: (scene: Scene) => Promise<void> = async () => undefined,
) {
  const scene = await setTheScene();
  await before(scene);
  const worker = startWorkerProcess({
    ...scene.stack.environment,
    HEALTH_PORT: '0',
    CONSOLE_ENABLED: 'true',
    ...environment,
  });
  const { url } = await askHealth(worker);
  await expect.poll(() => worker.said('receiving')).toBe(true);
  return { ...scene, worker, url, ask: askerOf(url) };
}

/** Asks as whoever may: with any Host and any path, which `fetch` would not send. */
const askerOf =
  (url: string) =>
  (path: string, { method, body, headers = {} }: Sent = {}): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const request = send(
        {
          host: new URL(url).hostname,
          port: new URL(url).port,
          path,
          method: method ?? (text === undefined ? 'GET' : 'POST'),
          headers: {
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
            ...headers,
          },
        },
        async (response) => {
          let got = '';
          for await (const chunk of response) got += String(chunk);
          const isJson = response.headers['content-type']?.startsWith('application/json');
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text: got,
            json: isJson ? JSON.parse(got) : undefined,
          });
        },
      );
      request.on('error', reject);
      request.end(text);
    });

/** Looks on; what has come so far, by event. */
export async function look(url: string, headers: Record<string, string> = {}) {
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  const response = await fetch(`${url}/console/live`, { headers, signal: stopping.signal });
  let text = '';
  const ended = (async () => {
    for await (const chunk of response.body!) text += Buffer.from(chunk).toString();
  })().catch(() => undefined);
  return {
    status: response.status,
    told: (event: string): Json[] =>
      [...text.matchAll(/^event: (\S+)\ndata: (.*)$/gm)]
        .filter(([, name]) => name === event)
        .map(([, , data]) => JSON.parse(data!)),
    ended,
  };
}
