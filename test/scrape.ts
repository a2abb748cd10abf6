import { expect } from 'vitest';
import { samplesOf } from './prometheus-samples.ts';
import type { startWorkerProcess } from './worker-process.ts';

export type Readiness = {
  ready: boolean;
  state: string;
  held: number;
  dependencies: Record<string, { state: string; since: string; reason?: string }>;
};

/** Asks a worker process for its health, at the address that it says. The process must have been given HEALTH_PORT=0. */
export async function askHealth(worker: ReturnType<typeof startWorkerProcess>) {
  const urlOf = () => worker.lines.find(({ msg }) => msg === 'health: /livez, /readyz, /metrics')?.url;
  await expect.poll(urlOf).toBeDefined();
  const url = String(urlOf());
  return {
    url,
    async livez(): Promise<{ status: number; live: boolean; state: string }> {
      const response = await fetch(`${url}/livez`);
      return { status: response.status, ...((await response.json()) as { live: boolean; state: string }) };
    },
    async readyz(): Promise<Readiness & { status: number }> {
      const response = await fetch(`${url}/readyz`);
      return { status: response.status, ...((await response.json()) as Readiness) };
    },
    async metrics(): Promise<Record<string, number>> {
      return samplesOf(await (await fetch(`${url}/metrics`)).text());
    },
  };
}

/** The sum over all series of a metric whose labels contain these. */
export function sum(samples: Record<string, number>, name: string, ...labels: string[]): number {
  return Object.entries(samples)
    .filter(([sample]) => sample.split('{', 1)[0] === name && labels.every((one) => sample.includes(one)))
    .reduce((total, [, value]) => total + value, 0);
}
