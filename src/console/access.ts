import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { makeRate, type Rate } from './rate.ts';

/** Who looks: what the lines of the log call the one that was let in. */
export type Visitor = { name: string; isLetIn(): boolean };

export type SignIn =
  | { kind: 'let in'; visitor: Visitor; cookie: string }
  | { kind: 'wrong' }
  | { kind: 'too often'; afterSeconds: number };

/** The headers that say who asks, and under which name. */
export type Asker = Pick<IncomingHttpHeaders, 'cookie' | 'host' | 'origin'>;

export type Access = {
  readonly needsToken: boolean;
  /** Whom a request's cookies belong to; undefined: nobody who was let in. */
  visitor(asker: Asker): Visitor | undefined;
  signIn(token: string, address: string, asker: Asker): SignIn;
  /** Ends what the cookies stand for; answers the cookie that takes its place. */
  signOut(asker: Asker): string;
};

const SIGNED_IN_MS = 12 * 3_600_000;
const MAX_SIGNED_IN = 100;
/** Wrong tokens of an address: so many, and then one every six seconds. */
const WRONG_BURST = 10;
const WRONG_EVERY_MS = 6_000;
const MAX_ADDRESSES = 1_000;

/**
 * Lets in whoever knows the token, and remembers them by a random id in a cookie: an EventSource can send no header of its own, and
 * a token in an address ends up in logs. The cookie is out of reach for scripts, is sent by pages of this origin only, and is
 * worth nothing once the process has ended. Without a token everybody is let in: the port is loopback's then.
 */
export function makeAccess(token: string | undefined, now: () => number = Date.now): Access {
  const expected = token === undefined ? undefined : digest(token);
  /** By the digests of their ids: until when. */
  const signedIn = new Map<string, number>();
  const wrong = new Map<string, Rate>();
  const anybody: Visitor = { name: 'anybody', isLetIn: () => true };

  function visitorOf(key: string): Visitor {
    const isLetIn = (): boolean => (signedIn.get(key) ?? 0) > now();
    return { name: key.slice(0, 8), isLetIn };
  }

  function rateOf(address: string): Rate {
    const rate = wrong.get(address) ?? makeRate(WRONG_BURST, WRONG_EVERY_MS, now);
    // The one that was silent for longest is forgotten.
    wrong.delete(address);
    wrong.set(address, rate);
    forgetOldest(wrong, MAX_ADDRESSES);
    return rate;
  }

  return {
    needsToken: expected !== undefined,
    visitor(asker) {
      if (!expected) return anybody;
      return idsOf(asker)
        .map((id) => visitorOf(keyOf(id)))
        .find((visitor) => visitor.isLetIn());
    },
    signIn(given, address, asker) {
      // Asked before the token is looked at: so that many tries tell nothing, the right one included.
      const taken = rateOf(address).take();
      if (!taken.ok) return { kind: 'too often', afterSeconds: taken.afterSeconds };
      if (!expected || !timingSafeEqual(digest(given), expected)) return { kind: 'wrong' };
      wrong.delete(address);
      const id = randomBytes(32).toString('base64url');
      const key = keyOf(id);
      signedIn.set(key, now() + SIGNED_IN_MS);
      forgetOldest(signedIn, MAX_SIGNED_IN);
      return { kind: 'let in', visitor: visitorOf(key), cookie: cookieOf(asker, id, SIGNED_IN_MS / 1000) };
    },
    signOut(asker) {
      for (const id of idsOf(asker)) signedIn.delete(keyOf(id));
      return cookieOf(asker, '', 0);
    },
  };
}

/** Of one length, whatever was given: what is compared in constant time must be. */
const digest = (text: string): Buffer => hash('sha256', text, 'buffer');
const keyOf = (id: string): string => hash('sha256', id, 'hex');

/**
 * Cookies do not tell ports apart, and each worker has a console of its own: who looks at two of them, each at a port of their own
 * machine, is to be signed in to both.
 */
const nameOf = ({ host }: Asker): string => `history-worker-console${/:(\d+)$/.exec(host ?? '')?.[1] ?? ''}`;

/** Whoever came over TLS, by way of something that ends it before us, sends it over nothing else. */
const cookieOf = (asker: Asker, id: string, maxAgeSeconds: number): string =>
  `${nameOf(asker)}=${id}; Path=/console; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${asker.origin?.startsWith('https:') ? '; Secure' : ''}`;

/** There may be several: one that somebody else has set under the name must not hide ours. */
function idsOf(asker: Asker): string[] {
  const start = `${nameOf(asker)}=`;
  const cookies = (asker.cookie ?? '').split(';').map((cookie) => cookie.trim());
  return cookies.filter((cookie) => cookie.startsWith(start)).map((cookie) => cookie.slice(start.length));
}

function forgetOldest(map: Map<string, unknown>, max: number): void {
  if (map.size > max) map.delete(map.keys().next().value!);
}
