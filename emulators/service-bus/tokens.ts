import { Refusal } from './refusal.ts';
import { type Clock, makeWakeUp } from './wake-up.ts';

export const tokenExpired = (): Refusal =>
  new Refusal('amqp:unauthorized-access', 'ExpiredToken: the token has expired.', 401);

export type Tokens = ReturnType<typeof makeTokens>;

/**
 * What the tokens that a client has shown on a connection allow it there, and until when. A token is good for its
 * audience and all that lies below it; a newer one for the same audience replaces it. When an address is no longer
 * covered, its links are detached, as by the service. What no token was ever shown for is not watched: who may come
 * without one is decided elsewhere.
 */
export function makeTokens(clock: Clock) {
  const expiries = new Map<string, number>();
  const guarded = new Set<{ address: string; detach: (condition: string, description: string) => void }>();

  const goodUntil = (address: string): number => {
    const covering = [...expiries].filter(([path]) => covers(path, address)).map(([, expiry]) => expiry);
    return covering.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...covering);
  };
  const wakeUp = makeWakeUp(clock, () => {
    const now = clock.now();
    const { condition, message } = tokenExpired();
    for (const link of [...guarded])
      if (goodUntil(link.address) <= now) {
        guarded.delete(link);
        link.detach(condition, message);
      }
    return [...expiries.values()].reduce(
      (next, expiry) => (expiry > now ? Math.min(next, expiry) : next),
      Infinity,
    );
  });

  return {
    /** @param expiresAt milliseconds since the epoch; Infinity: never */
    put(audience: string, expiresAt: number): void {
      expiries.set(pathOf(audience), expiresAt);
      wakeUp.by(expiresAt);
    },
    isExpired: (address: string): boolean => goodUntil(plain(address)) <= clock.now(),
    /** Has the link detached when its address is no longer covered. Returns what lets go of it. */
    guard(address: string, detach: (condition: string, description: string) => void): () => void {
      const link = { address: plain(address), detach };
      guarded.add(link);
      return () => guarded.delete(link);
    },
    /** Lets every token given so far expire so soon. Returns how many. */
    expireIn(ms: number): number {
      const at = clock.now() + ms;
      for (const [path, expiry] of expiries) expiries.set(path, Math.min(expiry, at));
      wakeUp.by(at);
      return expiries.size;
    },
    stop: (): void => wakeUp.stop(),
  };
}

const plain = (address: string): string => address.replace(/^\/+|\/+$/g, '').toLowerCase();
const pathOf = (audience: string): string => plain(audience.replace(/^[a-z]+:\/\/[^/]*/i, ''));
const covers = (path: string, address: string): boolean =>
  path === '' || address === path || address.startsWith(`${path}/`);
