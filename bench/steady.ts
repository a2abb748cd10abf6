import { type Contestant, start } from './contestants.ts';
import { perEvent, sleep, until } from './drain.ts';
import { openFront } from './load.ts';
import { difference, startStandIns } from './stand-ins.ts';
import { type Figures, percentile } from './statistics.ts';

const CONVERSATIONS = 200;
const PER_SECOND = 200;
const ANSWER_BYTES = 600;
/** Three turns of each: connections are opened, and what a new conversation and a longer one need is compiled by then. */
const WARM_UP = 600;

/** Paced turns of chats that go on: how long from the send until the event is settled, which comes after it is durable. */
export async function steady(contestant: Contestant, seconds: number): Promise<Figures> {
  const standIns = await startStandIns();
  try {
    const front = await openFront(standIns.environment);
    const settings = { ...standIns.environment, MAX_CONCURRENCY: '32', LOG_LEVEL: 'INFO', TELL: 'true' };
    const sentMs = new Map<string, number>();
    const tookMs: number[] = [];
    const running = await start(contestant, settings, (line) => {
      const messageId = /"messageId":"([^"]+)"/.exec(line)?.[1];
      const sent = messageId && sentMs.get(messageId);
      if (sent) tookMs.push(performance.now() - sent);
    });
    const events = PER_SECOND * seconds + WARM_UP;
    const before = await standIns.counts();
    const cpuBeforeMs = running.cpuMs();
    const begunMs = performance.now();
    for (let event = 0; event < events; event += 1) {
      const [index, turn] = [event % CONVERSATIONS, Math.floor(event / CONVERSATIONS)];
      await sleep(begunMs + (event * 1_000) / PER_SECOND - performance.now());
      await front.show(index, turn + 1, ANSWER_BYTES);
      if (event >= WARM_UP) sentMs.set(`msg-${index}-${turn}`, performance.now());
      await front.send(index, turn);
    }
    await until(standIns, events);
    await sleep(200);
    const figures = {
      p50Ms: percentile(tookMs, 0.5),
      p95Ms: percentile(tookMs, 0.95),
      p99Ms: percentile(tookMs, 0.99),
      ...perEvent(difference(before, await standIns.counts()), events),
      cpuMs: (running.cpuMs() - cpuBeforeMs) / events,
      peakMb: running.peakMb(),
    };
    await running.stop();
    await front.close();
    return figures;
  } finally {
    await standIns.close();
  }
}
