import type { Service } from './faults.ts';

export type EntityCounts = { active: number; locked: number; scheduled: number; completed: number };

/** The stand-ins' control port. */
export type Control = ReturnType<typeof openControl>;

/** A fault or an action that a stand-in does not offer. */
export class NotOffered extends Error {
  override name = 'NotOffered';
}

const notOffered = /No fault is called|No action is called|Not a fault of/;

export function openControl(url: string) {
  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const value = (await response.json()) as { error?: string };
    if (response.ok) return value as T;
    const message = `${method} ${path} was answered ${response.status}: ${value.error}`;
    throw notOffered.test(value.error ?? '') ? new NotOffered(message) : new Error(message);
  }
  return {
    /** @throws NotOffered for a fault that the stand-in does not know */
    setFaults: (service: Service, faults: Record<string, unknown>) =>
      ask('PATCH', `/faults/${service}`, faults),
    /** @throws NotOffered for an action that the stand-in does not know */
    act: (service: Service, name: string, args: Record<string, unknown>) =>
      ask('POST', `/actions/${service}/${name}`, args),
    async entity(path: string): Promise<EntityCounts> {
      const counters = await ask<{ 'service-bus': { entities: Record<string, EntityCounts> } }>(
        'GET',
        '/counters',
      );
      const found = counters['service-bus'].entities[path];
      if (!found) throw new Error(`The stand-ins have no ${path}`);
      return found;
    },
  };
}
