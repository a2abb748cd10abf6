import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { makeAbsence } from '../absence.ts';
import { makeFaults, runAction } from '../faults.ts';
import { type ChatRequest, readChat } from './chat-request.ts';
import { complete } from './completion.ts';
import { ChatFaults, type ChatFaultsPatch } from './faults.ts';
import { openListeners } from './listeners.ts';
import { readJson } from './read-json.ts';
import { azureRefusal, modelRefusal, Refusal, tooManyRequests } from './refusal.ts';
import { checkAccess, type Route, readRoute } from './route.ts';
import { makeStatusFault } from './status-fault.ts';

export { conversationText } from './conversation-text.ts';
export { titleFor } from './title.ts';

export type ChatOptions = {
  host?: string;
  port?: number;
  /** Opens a second port that speaks HTTPS. */
  tls?: { key: string; cert: string; port?: number };
  /** Random unless told. */
  apiKey?: string;
  /** Decides on a bearer token. Without it only the key is good. */
  authorize?: (bearer: string) => boolean;
  deployment?: string;
  latencyMs?: number;
};

export type ChatCounters = {
  requests: number;
  answered: number;
  /** By status. */
  refused: Record<string, number>;
  promptTokens: number;
  completionTokens: number;
  concurrentPeak: number;
};

export type ChatEmulator = {
  /** …/openai/deployments/NAME */
  baseUrl: string;
  /** …/openai/v1/ */
  v1Url: string;
  tlsBaseUrl?: string;
  tlsV1Url?: string;
  deployment: string;
  apiKey: string;
  counters(): ChatCounters;
  resetCounters(): void;
  /** The bodies of the last 1,000 requests that were let in. */
  requests(): ChatRequest[];
  faults(): ChatFaults;
  /** Throws at once for an unknown fault; the promise is settled when the change is in force. */
  setFaults(patch: ChatFaultsPatch): Promise<void>;
  /** `dropConnections` · `restart` {downMs} */
  act(name: string, args?: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
};

const KEPT_REQUESTS = 1_000;
const RETRY_AFTER_MS = 1_000;
const Restart = z.strictObject({ downMs: z.number().nonnegative().default(0) });
const noCounts = (): ChatCounters => ({
  ...{ requests: 0, answered: 0, refused: {}, promptTokens: 0, completionTokens: 0, concurrentPeak: 0 },
});

/** Azure's chat completions with a model that knows one thing: a title for a conversation, by `titleFor`. */
export async function startChatCompletions(options: ChatOptions = {}): Promise<ChatEmulator> {
  const host = options.host ?? '127.0.0.1';
  const apiKey = options.apiKey ?? randomBytes(16).toString('hex');
  const deployment = options.deployment ?? 'gpt-4';
  const events = new EventEmitter();
  // Every frozen request waits on it.
  events.setMaxListeners(0);
  const faults = makeFaults(ChatFaults, { latencyMs: options.latencyMs });
  let hitByStatus = (): Refusal | undefined => undefined;
  let counts = noCounts();
  let kept: ChatRequest[] = [];
  let concurrent = 0;
  let turn = 0;

  /** @throws AbortError when the caller goes away before it is answered */
  async function answer(request: IncomingMessage, signal: AbortSignal): Promise<object> {
    const route = readRoute(request);
    checkAccess(request, route, apiKey, options.authorize);
    const body = await readJson(request);
    while (faults.get().freeze) await once(events, 'change', { signal });
    const { latencyMs, maxConcurrent } = faults.get();
    if (latencyMs > 0) await sleep(latencyMs, undefined, { signal });
    if (maxConcurrent !== null && concurrent > maxConcurrent) throw tooManyRequests(RETRY_AFTER_MS);
    const hit = hitByStatus();
    if (hit) throw hit;
    const model = checkModel(route, body);
    const chat = readChat(body);
    kept = [...kept.slice(1 - KEPT_REQUESTS), chat];
    const completion = complete(chat, model, faults.get(), () => turn++);
    counts.promptTokens += completion.usage.prompt_tokens;
    counts.completionTokens += completion.usage.completion_tokens;
    return completion;
  }

  function checkModel(route: Route, body: object): string {
    const named = route.deployment ?? ('model' in body ? body.model : undefined);
    if (typeof named !== 'string' || named === '')
      throw modelRefusal('you must provide a model parameter', 'model', null);
    if (named !== deployment)
      throw azureRefusal(
        404,
        'DeploymentNotFound',
        'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
      );
    return named;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    counts.requests += 1;
    concurrent += 1;
    counts.concurrentPeak = Math.max(counts.concurrentPeak, concurrent);
    try {
      const completion = await answer(request, gone.signal);
      counts.answered += 1;
      send(response, 200, completion);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      counts.refused[error.status] = (counts.refused[error.status] ?? 0) + 1;
      send(response, error.status, error.body, error.headers);
    } finally {
      concurrent -= 1;
    }
  }

  function send(response: ServerResponse, status: number, body: unknown, headers = {}): void {
    if (response.destroyed) return;
    response.writeHead(status, {
      'content-type': 'application/json',
      'apim-request-id': randomUUID(),
      // A server that no longer listens lets its connections go, too.
      ...(faults.get().refuseConnections ? { connection: 'close' } : {}),
      ...headers,
    });
    response.end(JSON.stringify(body));
  }

  const listeners = await openListeners(
    { host, port: options.port ?? 0, tls: options.tls },
    (request, response) => {
      // Whatever is no refusal is a fault of the stand-in or a client that went away: the connection ends.
      handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    },
  );

  const absence = makeAbsence(
    async () => {
      await listeners.setListening(false);
      listeners.dropConnections();
    },
    () => listeners.setListening(!faults.get().refuseConnections),
  );

  const actions = {
    dropConnections: listeners.dropConnections,
    restart: (args: unknown) => absence.begin(Restart.parse(args).downMs),
  };

  const at = (origin: string) => ({
    baseUrl: `${origin}/openai/deployments/${encodeURIComponent(deployment)}`,
    v1Url: `${origin}/openai/v1/`,
  });
  const plain = at(`http://${host}:${listeners.port}`);
  const secure = at(`https://${host}:${listeners.tlsPort}`);
  return {
    ...plain,
    ...(options.tls ? { tlsBaseUrl: secure.baseUrl, tlsV1Url: secure.v1Url } : {}),
    deployment,
    apiKey,
    counters: () => structuredClone(counts),
    resetCounters() {
      counts = { ...noCounts(), concurrentPeak: concurrent };
    },
    requests: () => [...kept],
    faults: faults.get,
    setFaults(patch) {
      faults.set(patch);
      const { status, refuseConnections } = faults.get();
      if ('status' in patch) hitByStatus = status ? makeStatusFault(status) : () => undefined;
      if ('answer' in patch) turn = 0;
      events.emit('change');
      // It comes back from a restart in its own time, and then as the faults want it.
      return listeners.setListening(!refuseConnections && !absence.isAway());
    },
    act: (name, args) => Promise.resolve(runAction(actions, name, args)),
    async close() {
      absence.end();
      faults.set({ freeze: false });
      events.emit('change');
      await listeners.close();
    },
  };
}
