import { type Client, IDLE_WAIT_MS } from './service-bus-client.ts';

export type Succession = {
  /** The one over which whatever is new is asked. */
  readonly current: Client;
  /** Puts another one in the place of `former`, unless that has happened before. Returns whether it did. */
  replace(former: Client, successor?: Client): boolean;
  /** All of them at once, whatever they are used for. Never rejects. */
  close(): Promise<void>;
};

/**
 * Clients, one after another: once anything of one has failed, another takes its place. The former lives on as long as
 * `isUsed`, since closing it would end what it holds and what it is about to be granted.
 */
export function makeSuccession(connect: () => Client, isUsed: (client: Client) => boolean): Succession {
  const former = new Set<Client>();
  let current = connect();
  let closed = false;

  function leave(client: Client): void {
    if (closed) return;
    if (isUsed(client)) setTimeout(leave, IDLE_WAIT_MS, client).unref();
    else {
      former.delete(client);
      void client.close();
    }
  }

  return {
    get current() {
      return current;
    },
    replace(replaced, successor) {
      if (replaced !== current || closed) {
        void successor?.close();
        return false;
      }
      current = successor ?? connect();
      former.add(replaced);
      leave(replaced);
      return true;
    },
    async close() {
      closed = true;
      await Promise.all([current, ...former].map((client) => client.close()));
    },
  };
}
