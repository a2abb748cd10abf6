import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/identity';
import { withDeadline } from './deadline.ts';
import { outside } from './outside.ts';

/** A new token is sought when less than this is left, as the identity library itself does it, or half of its life. */
const RENEW_MARGIN_MS = 5 * 60_000;
/** A token that ends sooner would end on its way. */
const LEAST_LEFT_MS = 1_000;
const REQUEST_DEADLINE_MS = 10_000;
/** Who has a valid token waits no longer for a newer one. */
const PATIENCE_MS = 2_000;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
/** Without a token nothing works: what comes between two attempts must not keep work from resuming within seconds. */
const LONGEST_DELAY_WITHOUT_MS = 2_000;

type Kept = {
  token: AccessToken | undefined;
  obtainedAtMs: number;
  /** Of the requests since the last token. */
  failures: number;
  failedAtMs: number;
  lastError: unknown;
  request: Promise<void> | undefined;
};

/**
 * Keeps the last token of each scope and serves it as long as it is valid: one failed request harms nobody, nor do those of
 * an hour while the token lives. Failed requests are tried again with back-off, one at a time for all who ask.
 */
export function cacheTokens(inner: TokenCredential, now: () => number = Date.now): TokenCredential {
  const all = new Map<string, Kept>();

  const isValid = ({ token }: Kept): boolean =>
    token !== undefined && token.expiresOnTimestamp - now() > LEAST_LEFT_MS;

  function isDue(kept: Kept): boolean {
    const { token, obtainedAtMs, failures, failedAtMs } = kept;
    if (failures > 0) {
      const longestMs = isValid(kept) ? LONGEST_DELAY_MS : LONGEST_DELAY_WITHOUT_MS;
      return now() >= failedAtMs + Math.min(longestMs, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 10));
    }
    if (!token) return true;
    const margin = Math.min(RENEW_MARGIN_MS, (token.expiresOnTimestamp - obtainedAtMs) / 2);
    return token.expiresOnTimestamp - now() <= margin;
  }

  /** Never rejects. */
  async function request(kept: Kept, scopes: string | string[], options: GetTokenOptions): Promise<void> {
    const { tracingOptions: _, ...own } = options;
    try {
      const token = await withDeadline(REQUEST_DEADLINE_MS, 'the token request', (abortSignal) =>
        // Not the caller's signal: one that gives up must not end the request of the others. Nor in the caller's trace: it may be
        // a timer of a client, set while some event was worked on.
        outside(() => inner.getToken(scopes, { ...own, abortSignal })),
      );
      if (!token) throw new Error('the identity has no token for this scope');
      Object.assign(kept, { token, obtainedAtMs: now(), failures: 0 });
    } catch (error) {
      Object.assign(kept, { lastError: error, failedAtMs: now(), failures: kept.failures + 1 });
    } finally {
      kept.request = undefined;
    }
  }

  return {
    async getToken(scopes, options = {}) {
      const key = JSON.stringify([scopes, options.tenantId, options.claims]);
      const kept: Kept = all.get(key) ?? {
        token: undefined,
        obtainedAtMs: 0,
        failures: 0,
        failedAtMs: 0,
        lastError: undefined,
        request: undefined,
      };
      all.set(key, kept);
      if (isDue(kept)) kept.request ??= request(kept, scopes, options);
      if (kept.request) {
        const { request: underWay } = kept;
        if (isValid(kept))
          await withDeadline(PATIENCE_MS, 'a newer token', () => underWay).catch(() => undefined);
        else await underWay;
      }
      if (!isValid(kept)) throw kept.lastError;
      return kept.token!;
    },
  };
}
