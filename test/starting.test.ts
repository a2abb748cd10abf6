import { expect, test } from 'vitest';
import { conversation, setTheScene } from './setting.ts';
import { startWorkerProcess } from './worker-process.ts';

const refuses = [{ refuseConnections: true }, { refuseConnections: false }] as const;
const hangs = [{ freeze: true }, { freeze: false }] as const;

test.each([
  ['redis', 'refuses', 'redis', refuses],
  ['cosmos', 'hangs', 'cosmos', hangs],
  ['serviceBus', 'refuses', 'service-bus', refuses],
] as const)(
  'a worker that starts while %s %s waits for it, locks no event meanwhile, and goes on by itself',
  async (service, _, dependency, [on, off]) => {
    const { stack, show, announce, counters, path } = await setTheScene();
    const { event, snapshot } = conversation(1);
    await show(snapshot);
    await announce(event);
    stack[service].setFaults(on);
    const worker = startWorkerProcess(stack.environment);
    const waiting = () =>
      worker.lines.find(({ msg }) => msg === 'a service is not there yet, to be tried again');
    await expect.poll(waiting).toMatchObject({ service: 'history-worker', dependency });
    expect(counters().entities[path]).toMatchObject({ delivered: 0, active: 1 });

    stack[service].setFaults(off);
    await expect.poll(() => counters().entities[path]?.completed).toBe(1);
    expect(counters().entities[path]).toMatchObject({ delivered: 1, deadLettered: 0 });
    worker.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
  },
);

test('a worker that is told to end while it waits for a service ends with 0', async () => {
  const { stack } = await setTheScene();
  stack.redis.setFaults({ refuseConnections: true });
  const worker = startWorkerProcess(stack.environment);
  await expect.poll(() => worker.lines.some(({ code }) => code === 'CacheUnavailable')).toBe(true);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
});

test('what is refused for good ends it with 1, also while another service is away', async () => {
  const { stack } = await setTheScene();
  stack.redis.setFaults({ refuseConnections: true });
  const worker = startWorkerProcess({ ...stack.environment, COSMOS_CONTAINER_NAME: 'there-is-none' });
  expect(await worker.exited).toBe(1);
  expect(worker.lines).toContainEqual(
    expect.objectContaining({ msg: 'a service could not be opened', code: 'StoreMisconfigured' }),
  );
});

test('a worker that Service Bus refuses ends with 1, and says why', async () => {
  const { stack } = await setTheScene();
  stack.serviceBus.setFaults({ refuseCbs: true });
  const worker = startWorkerProcess(stack.environment);
  expect(await worker.exited).toBe(1);
  expect(worker.lines).toContainEqual(
    expect.objectContaining({ msg: 'a service could not be opened', code: 'UnauthorizedAccess' }),
  );
});
