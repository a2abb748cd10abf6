import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** The sockets that one client opens: the client itself neither shows them nor lets go of them in good time. */
export type Sockets = {
  /** Runs a call of the client: what it opens, now or later, is among them. */
  run<T>(call: () => T): T;
  /** Cuts them, also those that are yet to be opened. */
  cut(): void;
};

const owner = new AsyncLocalStorage<(socket: Socket) => void>();
let listening = false;

/**
 * Turns Nagle's algorithm off for the sockets that this process opens. The client leaves it on and has no option for it: a
 * settlement right behind another small frame then waits 40 ms for the broker's delayed acknowledgement. HTTP and Redis
 * have it off anyway.
 */
function listen(): void {
  if (listening) return;
  listening = true;
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { socket: Socket };
    socket.setNoDelay(true);
    owner.getStore()?.(socket);
  });
}

/** None yet: those that a client opens within `run`. */
export function makeSockets(): Sockets {
  listen();
  const open = new Set<Socket>();
  let isCut = false;
  const take = (socket: Socket): void => {
    if (isCut) return void socket.destroy();
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  };
  return {
    run: (call) => owner.run(take, call),
    cut() {
      isCut = true;
      for (const socket of open) socket.destroy();
    },
  };
}
