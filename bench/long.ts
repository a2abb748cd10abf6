import { type Contestant, start } from './contestants.ts';
import { until } from './drain.ts';
import { openFront } from './load.ts';
import { difference, type Environment, startStandIns } from './stand-ins.ts';
import type { Figures } from './statistics.ts';
import { verify } from './verify.ts';

const TURNS = 250;
const ANSWER_BYTES = 4_096;

/** One chat of 250 turns, each made durable before the next is said; then one turn more, by a process that remembers nothing. */
export async function long(contestant: Contestant, environment: Environment = {}): Promise<Figures> {
  const standIns = await startStandIns();
  try {
    const front = await openFront(standIns.environment);
    const settings = { ...standIns.environment, MAX_CONCURRENCY: '32', LOG_LEVEL: 'INFO', ...environment };
    const say = async (turn: number): Promise<void> => {
      await front.show(0, turn + 1, ANSWER_BYTES);
      await front.send(0, turn);
      await until(standIns, turn + 1);
    };
    const before = await standIns.counts();
    const warm = await start(contestant, settings);
    for (let turn = 0; turn < TURNS; turn += 1) await say(turn);
    const after = await standIns.counts();
    await warm.stop();
    const cold = await start(contestant, settings);
    await say(TURNS);
    const last = await standIns.counts();
    await cold.stop();
    await front.close();
    await verify(standIns.environment, [0], TURNS + 1, ANSWER_BYTES);
    const whole = difference(before, after);
    return {
      requestUnits: whole.requestUnits,
      coldTurnUnits: difference(after, last).requestUnits,
      cosmosReads: whole.cosmosReads,
      cosmosWrites: whole.cosmosWrites,
      chatRequests: whole.chatRequests,
      megabytes: whole.bytes / 1e6,
    };
  } finally {
    await standIns.close();
  }
}
