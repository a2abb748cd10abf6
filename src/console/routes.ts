import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeErrors } from '../operations/errors.ts';
import type { Access, Visitor } from './access.ts';
import { type Purpose, refusal } from './allowed.ts';
import { readBody, secure, send, sendJson } from './answers.ts';
import { type Answer, type AskedPorts, makeAsked, tooOften } from './asked.ts';
import type { PageFile } from './files.ts';

export type Ports = AskedPorts & {
  /** HEALTH_HOST. */
  host: string;
  access: Access;
  files: ReadonlyMap<string, PageFile>;
  /** Begins a stream of events; false: there are too many. */
  watchLive(response: ServerResponse, visitor: Visitor): boolean;
};

/** At a time: the rest of the connections is for probes. */
const MAX_ANSWERS = 8;
/** Longer than any of the calls that an answer waits for. */
const ANSWER_MS = 90_000;

/**
 * Answers everything under /console. What is asked for is looked at only once the request is known to come from our own page, or from
 * none, and from somebody who was let in. Nothing is changed by a GET.
 */
export function makeRoutes({ host, access, files, watchLive, ...asked }: Ports) {
  const { reads, posts } = makeAsked(asked);
  const { log } = asked;
  let underWay = 0;

  async function signIn(request: IncomingMessage, response: ServerResponse, from: string): Promise<void> {
    const body = await readBody(request);
    if (body === 'too large') return sendJson(response, 413, { error: 'the body is too large' });
    if (typeof body?.token !== 'string') return sendJson(response, 400, { error: 'expected a token' });
    const signedIn = access.signIn(body.token.trim(), from, request.headers);
    if (signedIn.kind === 'let in') {
      log.info({ by: signedIn.visitor.name, from }, 'console: somebody signed in');
      response.setHeader('set-cookie', signedIn.cookie);
      return sendJson(response, 200, {});
    }
    if (signedIn.kind === 'wrong') {
      log.warn({ from }, 'console: a wrong token was given');
      return sendJson(response, 401, { error: 'that is not the token' });
    }
    answer(response, tooOften(signedIn.afterSeconds));
  }

  function signOut(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('set-cookie', access.signOut(request.headers));
    sendJson(response, 200, {});
  }

  function answer(response: ServerResponse, [status, value]: Answer): void {
    const { afterSeconds } = value as { afterSeconds?: number };
    if (afterSeconds !== undefined) response.setHeader('retry-after', afterSeconds);
    sendJson(response, status, value);
  }

  async function orRefusal(work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      const said = describeErrors(error);
      log.warn({ reason: said }, 'console: a service could not be asked');
      return [502, { error: said }];
    }
  }

  return async (request: IncomingMessage, response: ServerResponse, path: string): Promise<void> => {
    secure(response);
    const { method = '', headersDistinct, socket } = request;
    // Of several names the first alone would be looked at; whoever stands between may have gone by another.
    const headers = { ...request.headers, host: headersDistinct.host?.join(', ') };
    const isRead = method === 'GET' || method === 'HEAD';
    const file = isRead ? files.get(path) : undefined;
    const purpose: Purpose = file || path === '/console' ? 'page' : isRead ? 'read' : 'post';
    const refused = refusal(purpose, { headers, host, localAddress: socket.localAddress });
    if (refused) return sendJson(response, refused.status, { error: refused.reason });
    if (file) return send(response, 200, file.type, file.body);
    if (path === '/console' && isRead) {
      response.setHeader('location', '/console/');
      return send(response, 308, 'text/plain', '');
    }
    // Nobody is invited to send a body.
    if (headers.expect !== undefined) return sendJson(response, 417, { error: 'expected no Expect' });
    const from = socket.remoteAddress ?? '';
    const visitor = access.visitor(headers);
    if (path === '/console/session' && isRead)
      return sendJson(response, 200, { needsToken: access.needsToken, isLetIn: visitor !== undefined });
    if (path === '/console/session' && method === 'POST') return signIn(request, response, from);
    if (path === '/console/session' && method === 'DELETE') return signOut(request, response);
    if (!visitor) return sendJson(response, 401, { error: 'the token of the console is needed' });
    if (path === '/console/live' && method === 'GET') {
      if (!watchLive(response, visitor)) answer(response, tooOften(10));
      return;
    }
    const known = [reads, posts].some((table) => Object.hasOwn(table, path));
    if (!known) return sendJson(response, 404, { error: 'there is nothing of that name' });
    const table = isRead ? reads : method === 'POST' ? posts : {};
    const handle = Object.hasOwn(table, path) ? table[path] : undefined;
    if (!handle) {
      response.setHeader('allow', Object.hasOwn(reads, path) ? 'GET, HEAD' : 'POST');
      return sendJson(response, 405, { error: `expected ${response.getHeader('allow')}` });
    }
    const body = isRead ? {} : await readBody(request);
    if (body === 'too large') return sendJson(response, 413, { error: 'the body is too large' });
    if (!body) return sendJson(response, 400, { error: 'expected an object as JSON' });
    if (underWay >= MAX_ANSWERS) return answer(response, tooOften(1));
    underWay += 1;
    socket.setTimeout(ANSWER_MS);
    const found = await orRefusal(() => handle({ visitor, body, from }));
    underWay -= 1;
    answer(response, found);
  };
}
