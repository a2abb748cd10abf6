import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** What the benchmark says of an instance. A new run of it changes the tables. */
export type Measured = {
  when: string;
  /** Events a second that one instance does, bound by waiting for services as far away as Azure's. */
  perSecond: number;
  /** Of the throughput of four instances, the share that four times one would have. */
  scalingShare: number;
  /** Processor time of an event at an even pace, without telemetry. */
  cpuMs: number;
  /** Requests for a conversation's title, by the number of instances: two may ask at once. */
  titleRequests: Record<1 | 2 | 4, number>;
  /** The same backlog worked by 1, 2 and 4 instances; what is counted is for one event. */
  scale: (Scale & { instances: number })[];
};

type Scale = z.infer<typeof counted>;

/** In the backlog from which these come. */
const TURNS = 10;
const counted = z.object({
  perSecond: z.number().positive(),
  chatRequests: z.number().positive(),
  requestUnits: z.number().positive(),
  cosmosReads: z.number(),
});
const results = z.object({
  when: z.string(),
  scenarios: z.object({
    scale: z.object({ worker: counted, '2 workers': counted, '4 workers': counted }),
    steady: z.object({ worker: z.object({ cpuMs: z.number().positive() }) }),
  }),
});

export const RESULTS = join(import.meta.dirname, '../results/figures.json');

/** @throws Error when the file is not there, or has not what is needed of a whole run of the benchmark */
export function readMeasured(file = RESULTS): Measured {
  const checked = results.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!checked.success)
    throw new Error(
      `${file} has not what a whole run of "npm run bench" writes: ${z.prettifyError(checked.error)}`,
    );
  const { when, scenarios } = checked.data;
  const { worker, '2 workers': two, '4 workers': four } = scenarios.scale;
  return {
    when,
    perSecond: worker.perSecond,
    scalingShare: Math.min(1, four.perSecond / (4 * worker.perSecond)),
    cpuMs: scenarios.steady.worker.cpuMs,
    titleRequests: {
      1: worker.chatRequests * TURNS,
      2: two.chatRequests * TURNS,
      4: four.chatRequests * TURNS,
    },
    scale: [
      { instances: 1, ...worker },
      { instances: 2, ...two },
      { instances: 4, ...four },
    ],
  };
}
