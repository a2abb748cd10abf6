import { Refusal } from './refusal.ts';
import { type Clock, makeWakeUp } from './wake-up.ts';

const tokenMissing = (address: string): Refusal =>
  new Refusal(
    'amqp:unauthorized-access',
    `Unauthorized access: no token for '${address}' was shown on $cbs.`,
    401,
  );

export const tokenExpired = (): Refusal =>
  new Refusal('amqp:unauthorized-access', 'ExpiredToken: the token has expired.', 401);

export type Tokens = ReturnType<typeof makeTokens>;

/**
 * What the tokens that a client has shown on a connection allow it there, and until when. A token is good for its
 * audience and all that lies below it; a newer one for the same audience replaces it. When an address is no longer
 * covered, its links are detached, as by the service.
 */
export function makeTokens(clock: Clock) {
  const expiries = new Map<string, number>();
  const guarded = new Set<{ address: string; detach: (condition: string, description: string) => void }>();

  /** Minus infinity where no token was ever shown. */
  const goodUntil = (address: string): number =>
    Math.max(...[...expiries].filter(([path]) => covers(path, address)).map(([, expiry]) => expiry));
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
    /** Why no link to the address may be attached; undefined: one may. */
    refusal(address: string): Refusal | undefined {
      const until = goodUntil(plain(address));
      if (until > clock.now()) return undefined;
      return until === Number.NEGATIVE_INFINITY ? tokenMissing(address) : tokenExpired();
    },
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
