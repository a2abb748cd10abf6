import { once } from 'node:events';
import type { Server } from 'node:net';
import { holdPort, type Release } from './held-port.ts';

export type Listening = {
  /** Stops or starts listening, when the changes before are done; the port stays the server's. Connections that stand are left. */
  set(isWanted: boolean): Promise<void>;
  /** For good. Resolves when the last connection is gone. */
  end(): Promise<void>;
};

/** Whether a server, which listens on `port` of `host`, goes on listening there. */
export function makeListening(server: Server, host: string, port: number): Listening {
  let release: Release | undefined;
  let changing: Promise<void> = Promise.resolve();
  let isOver = false;

  async function change(isWanted: boolean): Promise<void> {
    if (isOver || isWanted === server.listening) return;
    if (!isWanted) {
      // Not waited for: it ends only when the connections that stand do.
      server.close();
      ({ release } = await holdPort(host, port));
      return;
    }
    await release?.();
    release = undefined;
    server.listen(port, host);
    await once(server, 'listening');
  }

  return {
    set(isWanted) {
      const changed = changing.then(() => change(isWanted));
      // The caller hears of a failure; the next change is tried all the same.
      changing = changed.catch(() => undefined);
      return changed;
    },
    async end() {
      isOver = true;
      await changing;
      await release?.();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
