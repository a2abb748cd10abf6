import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

/** Gives the port back, once. */
export type Release = () => Promise<void>;

/**
 * Keeps a port while nobody listens there: whoever connects is refused, and the system gives it to nobody who asks for any port. A
 * service that is away for a while would else find another program in its place. It is the near end of a connection of its own.
 * @param port 0 for any @throws where the port is taken
 */
export async function holdPort(host: string, port: number): Promise<{ port: number; release: Release }> {
  const farEnd = createServer().listen(0, host);
  await once(farEnd, 'listening');
  const { port: farPort } = farEnd.address() as AddressInfo;
  const holder = connect({
    host,
    port: farPort,
    localAddress: host,
    ...(port === 0 ? {} : { localPort: port }),
  });
  const [[accepted]] = await Promise.all([once(farEnd, 'connection'), once(holder, 'connect')]).catch(
    (error: unknown) => {
      farEnd.close();
      throw error;
    },
  );
  accepted.on('error', () => undefined);
  const held = holder.localPort!;
  // It holds no process: what is away may end.
  for (const handle of [farEnd, holder, accepted]) handle.unref();
  return {
    port: held,
    async release() {
      if (holder.destroyed) return;
      const closed = once(holder, 'close');
      // A reset leaves nothing behind that would wait for late packets.
      holder.resetAndDestroy();
      farEnd.close();
      accepted.destroy();
      await closed;
    },
  };
}
