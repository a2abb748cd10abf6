import { startStack } from '../../emulators/stack.ts';
import { consoleVariables, readConfig, telemetryVariables } from '../config.ts';
import { startHealth } from '../health.ts';
import { isLoopback } from '../loopback.ts';
import { counted } from '../operations/counted.ts';
import { outliveReaders } from '../operations/output.ts';
import type { Settled } from '../pipeline/hand.ts';
import type { Log } from '../pipeline/ports.ts';
import { openConsole, watchOf } from '../run.ts';
import { startWorker } from '../worker.ts';
import { addTurn, type Chat, makeChance } from './chats.ts';
import { openFrontEnd } from './front-end.ts';
import { talkOn, talkOnce } from './talk.ts';
import type { Telling } from './telemetry.ts';
import { verify } from './verify.ts';
import { lineOf, percentile, startView } from './view.ts';

export type DevOptions = {
  once: boolean;
  conversations: number;
  turns: number;
  json: boolean;
  rate: number;
  seed: number;
  data: string;
};

/** How long a run with --once waits for the next settlement before it gives up and reports what is missing. */
const STALL_MS = 45_000;
/** Of the stand-in of Cosmos DB: none of those that can be set from outside while it runs. */
const NO_FAULTS = {
  ...{ latencyMs: 0, freeze: false, freezeEvery: null, refuseConnections: false, refuseEvery: null },
  ...{ status: null, requestUnitsPerSecond: null },
};

/**
 * Runs the worker on a laptop: the stand-ins, a chat front end that talks, and a view of what happens. Answers the exit
 * code: 0 if everything put in is durable and unaltered, else 1.
 */
export async function dev(options: DevOptions, telling: Telling): Promise<number> {
  const startedMs = performance.now();
  let stopping = false;
  const stopped = new Promise<void>((resolve) => {
    const stop = (): void => {
      stopping = true;
      resolve();
    };
    // Nobody looks any more: it drains all the same.
    outliveReaders(stop);
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        if (stopping) process.exit(130);
        stop();
      });
  });
  const say = (text: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  const stack = await startStack({ dataFolder: options.data });
  const config = readConfig({
    ...telemetryVariables(telling.environment),
    ...consoleOf(telling),
    ...stack.environment,
    MAX_CONCURRENCY: '32',
  });
  const live = !options.json && process.stdout.isTTY === true;
  const chats: Chat[] = [];
  const sentAt = new Map<string, number>();
  const tally = { sent: 0, settled: 0, deadLettered: 0, latenciesMs: [] as number[] };
  const recent: string[] = [];
  const note = (text: string): void => {
    if (live) recent.splice(0, Math.max(0, recent.push(text) - 10));
    else say(text);
  };
  let progressAt = performance.now();

  const onSettled = (settled: Settled): void => {
    progressAt = performance.now();
    const sent = settled.messageId === undefined ? undefined : sentAt.get(settled.messageId);
    const latencyMs = sent === undefined ? undefined : performance.now() - sent;
    if (settled.settlement.kind === 'dead-letter') tally.deadLettered += 1;
    if (settled.settlement.kind !== 'abandon') tally.settled += 1;
    if (settled.settlement.kind === 'complete' && latencyMs !== undefined) tally.latenciesMs.push(latencyMs);
    const chat = chats.find(({ sessionId }) => sessionId === settled.sessionId);
    const item = chat && stack.cosmos.read(chat.userId, chat.sessionId);
    note(
      `  ${settled.sessionId.slice(5, 13)}  ${lineOf(settled, latencyMs).padEnd(22)} ${String(item?.title ?? '')}`,
    );
  };
  const log = telling.alsoTell({
    debug: () => undefined,
    info: (_, message) => note(`  worker    ${message}`),
    warn: (fields, message) => note(`  worker    ${fields.code ?? ''} ${message}: ${fields.reason ?? ''}`),
    error: (fields, message) => note(`  worker    ${fields.code ?? ''} ${message}: ${fields.reason ?? ''}`),
  });
  const metrics = telling.telemetry?.metrics ?? (async () => '');
  const page = await openConsole(config, log);
  const health = await startHealth({
    health: config.health,
    metrics,
    log: silent,
    part: page && { path: '/console', answer: page.answer },
  });
  if (health) page?.tellOf(health.status);
  let fatal: unknown;
  const worker = await startWorker(config, log, {
    onFatal: (error) => {
      fatal ??= error;
    },
    onSettled,
    onOpened: health?.opened,
    onAway: health?.away,
    watch: watchOf(telling.telemetry?.watch(config), page?.watch),
  });
  telling.telemetry?.observe(worker);
  health?.started(worker);
  const frontEnd = await openFrontEnd(stack.environment);

  say(
    `History worker on local stand-ins: Service Bus :${stack.serviceBus.port}  Cosmos DB ${stack.cosmos.endpoint}  Redis :${stack.redis.port} (${stack.redis.kind})`,
  );
  say(`Counters and faults: ${stack.control.url}${options.once ? '' : '   Ctrl-C drains and sums up.'}`);
  if (health) say(`Health and metrics: ${health.url}/readyz ${health.url}/metrics`);
  if (health && page) say(`Console: ${health.url}/console/`);
  if (telling.where) say(telling.where);
  const view = live ? startView(() => [headline(), ...recent]) : undefined;
  const headline = (): string => {
    const seconds = (performance.now() - startedMs) / 1000;
    const { latenciesMs, sent, settled, deadLettered } = tally;
    return `${seconds.toFixed(0)} s  chats ${chats.length}  events ${sent}  settled ${settled}  dead-lettered ${deadLettered}  p50 ${percentile(latenciesMs, 0.5)} ms  p99 ${percentile(latenciesMs, 0.99)} ms`;
  };

  const chance = makeChance(options.seed);
  const takeTurn = async (chat: Chat): Promise<void> => {
    const turn = addTurn(chat, chance, new Date());
    sentAt.set(turn, performance.now());
    await frontEnd.finishTurn(chat, turn);
    tally.sent += 1;
  };
  const pause = (): Promise<void> =>
    Promise.race([new Promise<void>((resolve) => setTimeout(resolve, 1000 / options.rate)), stopped]);
  const talk = { chats, chance, takeTurn };
  if (options.once) await talkOnce(options, { ...talk, isOver: () => stopping });
  else await talkOn(pause, { ...talk, isOver: () => stopping || fatal !== undefined });
  progressAt = performance.now();
  const left = tally.sent - tally.settled;
  if (stopping && left > 0)
    note(`  draining: ${counted(left, 'event')} to go. Ctrl-C again ends at once, without the check.`);
  while (tally.settled < tally.sent && !fatal && performance.now() - progressAt < STALL_MS)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const durationMs = Math.round(performance.now() - startedMs);

  page?.drain();
  const { abandoned } = await worker.stop(config.shutdownTimeoutMs);
  // What is stored is asked for, whatever fault was set for the worker to cope with.
  stack.cosmos.setFaults(NO_FAULTS);
  const found = await verify(chats, stack.environment);
  view?.end();
  await page?.close();
  await health?.close();
  await frontEnd.close();
  await stack.close();

  const wanted = options.once ? options.conversations * options.turns : tally.sent;
  const complete =
    tally.sent === wanted &&
    found.persisted === chats.length &&
    found.lost === 0 &&
    tally.settled >= tally.sent &&
    abandoned === 0 &&
    !fatal;
  const summary = {
    events: tally.sent,
    conversations: chats.length,
    persisted: found.persisted,
    deadLettered: tally.deadLettered,
    lost: found.lost,
    titled: found.titled,
    durationMs,
    p50Ms: percentile(tally.latenciesMs, 0.5),
    p99Ms: percentile(tally.latenciesMs, 0.99),
  };
  if (tally.sent < wanted) say(`Stopped after ${tally.sent} of ${wanted} events.`);
  for (const fault of found.faults) say(`MISSING ${fault}`);
  if (fatal) say(`The worker failed: ${String(fatal)}`);
  say(
    `\n${counted(summary.events, 'event')} of ${counted(summary.conversations, 'conversation')} in ${(durationMs / 1000).toFixed(1)} s: ${summary.persisted} stored and verified, ${summary.titled} titled, ${counted(summary.lost, 'message')} lost, ${summary.deadLettered} dead-lettered; durable in ${summary.p50Ms} ms (p50), ${summary.p99Ms} ms (p99)`,
  );
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  return complete ? 0 : 1;
}

/** There is a console without being asked for, where nobody else can reach it. */
const consoleOf = ({ environment, health }: Telling): Record<string, string | undefined> => ({
  ...(health.port !== undefined && isLoopback(health.host) ? { CONSOLE_ENABLED: 'true' } : {}),
  ...consoleVariables(environment),
});

const nothing = (): void => undefined;
/** What the health server has to say is said above, and where it answers. */
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
