import type { IncomingHttpHeaders } from 'node:http';

/** A request that is not answered as it was meant to be, and why. */
export type Refused = { status: number; reason: string };

/** What a request may be for: a file of the page, what the page reads, and what it does. */
export type Purpose = 'page' | 'read' | 'post';

type Where = {
  headers: IncomingHttpHeaders;
  /** HEALTH_HOST. */
  host: string;
  /** The address of this machine that was connected to. */
  localAddress: string | undefined;
};

/**
 * Whether a request comes from a page of ours, or from no page at all. A browser sends it with the name that it was told, which is
 * not ours where somebody has bent theirs to this machine; with the origin that asks; and with what it is to this one. A body
 * of JSON is sent across origins only after a question that nobody here says yes to.
 */
export function refusal(purpose: Purpose, { headers, host, localAddress }: Where): Refused | undefined {
  const { host: asked = '', origin } = headers;
  if (!isServedUnder(asked, host, localAddress))
    return { status: 421, reason: 'the console is served under the names of loopback and HEALTH_HOST only' };
  const site = headers['sec-fetch-site'];
  const isNavigation = purpose === 'page' && headers['sec-fetch-mode'] === 'navigate';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation)
    return { status: 403, reason: 'the request comes from another site' };
  if (origin !== undefined && origin !== `http://${asked}` && origin !== `https://${asked}`)
    return { status: 403, reason: 'the request comes from another origin' };
  if (purpose === 'post' && !/^application\/json(;\s*charset=utf-8)?$/i.test(headers['content-type'] ?? ''))
    return { status: 415, reason: 'expected content-type: application/json' };
  return undefined;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const WITH_PORT = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/;

/** An address cannot be bent as a name can: that at which the connection came in is one of ours. */
export function isServedUnder(asked: string, host: string, localAddress: string | undefined): boolean {
  const name = WITH_PORT.exec(asked.toLowerCase())?.[1];
  if (name === undefined) return false;
  const arrivedAt = localAddress?.replace(/^::ffff:(?=\d+\.)/, '');
  return LOOPBACK.test(name) || name === inUrl(host) || name === inUrl(arrivedAt);
}

const inUrl = (host: string | undefined): string | undefined =>
  (host?.includes(':') ? `[${host}]` : host)?.toLowerCase();
