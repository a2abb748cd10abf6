import { z } from 'zod';
import { listenHttp, readBody } from './http-listener.ts';

/** What every stand-in offers to the control port. */
export type Controllable = {
  counters(): unknown;
  resetCounters(): void;
  faults(): unknown;
  setFaults(patch: never): unknown;
  act(name: string, args?: Record<string, unknown>): unknown;
};

const usage = {
  'GET /': 'counters and faults of every service',
  'GET /counters': 'counters of every service',
  'POST /counters/reset': 'sets them to nothing',
  'GET /faults': 'the faults in force',
  'PATCH /faults/SERVICE': 'sets faults; the body is a JSON object of them',
  'POST /actions/SERVICE/NAME': 'does something once; the body is a JSON object of its arguments',
};

/** Serves counters and faults as JSON, for tests in other processes and for people with curl. */
export async function startControl(services: Record<string, Controllable>, host: string, port: number) {
  const each = (of: (service: Controllable) => unknown): Record<string, unknown> =>
    Object.fromEntries(Object.entries(services).map(([name, service]) => [name, of(service)]));
  const counters = () => each((service) => service.counters());
  const faults = () => each((service) => service.faults());

  async function answer(
    method: string,
    path: string,
    body: Record<string, unknown>,
  ): Promise<{ status: number; value: unknown }> {
    const [first, name = '', action = ''] = path.split('/').filter(Boolean);
    const ok = (value: unknown) => ({ status: 200, value });
    if (method === 'GET' && first === undefined) return ok({ counters: counters(), faults: faults(), usage });
    if (method === 'GET' && path === '/counters') return ok(counters());
    if (method === 'GET' && path === '/faults') return ok(faults());
    if (method === 'POST' && path === '/counters/reset') {
      for (const service of Object.values(services)) service.resetCounters();
      return ok(counters());
    }
    const service = Object.hasOwn(services, name) ? services[name] : undefined;
    const known = first === 'faults' ? method === 'PATCH' : first === 'actions' && method === 'POST';
    if (!known) return { status: 404, value: { error: `There is no ${method} ${path}`, usage } };
    if (!service)
      return {
        status: 404,
        value: { error: `No service is called ${name}; there are ${Object.keys(services).join(', ')}` },
      };
    if (first === 'actions') return ok({ result: (await service.act(action, body)) ?? null });
    await service.setFaults(body as never);
    return ok(service.faults());
  }

  const listener = await listenHttp({
    host,
    port,
    tls: undefined,
    refuse: () => false,
    handler: async (request, response) => {
      const send = (status: number, value: unknown): void =>
        void response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(`${JSON.stringify(value)}\n`);
      try {
        const text = await readBody(request, 1_000_000);
        const { status, value } = await answer(
          request.method!,
          new URL(request.url!, 'http://local').pathname,
          text ? readObject(text) : {},
        );
        send(status, value);
      } catch (error) {
        send(400, { error: error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message });
      }
    },
  });
  return { url: `http://${host}:${listener.port}`, close: () => listener.close() };
}

function readObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new Error('The body is no JSON object.');
  return value as Record<string, unknown>;
}
