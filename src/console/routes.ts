import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeError } from '../operations/errors.ts';
import { idsFault } from '../operations/ids-fault.ts';
import type { Log } from '../pipeline/ports.ts';
import type { Access, Visitor } from './access.ts';
import { type Purpose, refusal } from './allowed.ts';
import { readBody, secure, send, sendJson } from './answers.ts';
import type { PageFile } from './files.ts';
import type { History } from './history.ts';
import type { Letters } from './letters.ts';
import { makeRate } from './rate.ts';
import type { Replays, Target } from './replays.ts';

export type Ports = {
  /** HEALTH_HOST. */
  host: string;
  access: Access;
  files: ReadonlyMap<string, PageFile>;
  letters(): Promise<Letters>;
  replays(): Promise<Replays>;
  history(): Promise<History>;
  /** Begins a stream of events; false: there are too many. */
  watchLive(response: ServerResponse, visitor: Visitor): boolean;
  log: Log;
};

type Body = Record<string, unknown>;
/** What is known of who asks. */
type Asking = { visitor: Visitor; body: Body; from: string };
/** A status and what is sent with it, as JSON. */
type Answer = [status: number, value: unknown];

/** At a time: the rest of the connections is for probes. */
const MAX_ANSWERS = 8;
/** Longer than any of the calls that an answer waits for. */
const ANSWER_MS = 90_000;

/**
 * Answers everything under /console. What is asked for is looked at only once the request is known to come from our own page, or from
 * none, and from somebody who was let in. Nothing is changed by a GET.
 */
export function makeRoutes({ host, access, files, letters, replays, history, watchLive, log }: Ports) {
  const lookups = makeRate(30, 1_000);
  const replaying = makeRate(10, 3_000);
  const peeks = makeRate(10, 1_000);
  let underWay = 0;

  const reads: Record<string, (asking: Asking) => Promise<Answer>> = {
    async '/console/dead-letters'() {
      const taken = peeks.take();
      return taken.ok ? [200, await letters()] : tooOften(taken.afterSeconds);
    },
  };

  const posts: Record<string, (asking: Asking) => Promise<Answer>> = {
    async '/console/replays'({ body, visitor, from }) {
      const target = targetOf(body);
      if (!target) return [400, { error: 'expected a reason, or a sequence number' }];
      const taken = replaying.take();
      if (!taken.ok) return tooOften(taken.afterSeconds);
      const begun = (await replays()).begin(target);
      if (begun.kind === 'begun')
        log.info(
          { ...target, replay: begun.replay.id, by: visitor.name, from },
          'console: a replay was begun',
        );
      return [begun.kind === 'another' ? 409 : 202, begun];
    },

    async '/console/conversations'({ body: { userId, continuation }, visitor, from }) {
      const fault = idsFault({ sessionId: 'any', userId: userId as string });
      if (fault !== undefined) return [400, { error: fault }];
      if (continuation !== undefined && typeof continuation !== 'string')
        return [400, { error: 'continuation is no string' }];
      const taken = lookups.take();
      if (!taken.ok) return tooOften(taken.afterSeconds);
      const found = await (await history()).list(userId as string, continuation);
      const told = { userId, found: found.conversations.length, by: visitor.name, from };
      log.info(told, 'console: the conversations of a user were listed');
      return [200, found];
    },

    async '/console/conversation'({ body: { sessionId, userId }, visitor, from }) {
      const fault = idsFault({ sessionId: sessionId as string, userId: (userId ?? 'any') as string });
      if (fault !== undefined) return [400, { error: fault }];
      const taken = lookups.take();
      if (!taken.ok) return tooOften(taken.afterSeconds);
      const found = await (await history()).find(sessionId as string, userId as string | undefined);
      const owner = found.kind === 'conversation' ? found.conversation.userId : userId;
      const told = { sessionId, ...(owner === undefined ? {} : { userId: owner }), found: found.kind };
      log.info({ ...told, by: visitor.name, from }, 'console: a conversation was looked up');
      return [200, found];
    },

    async '/console/conversation-page'({ body: { sessionId, userId, page }, visitor, from }) {
      const ids = { sessionId: sessionId as string, userId: userId as string };
      const fault = idsFault(ids);
      if (fault !== undefined) return [400, { error: fault }];
      if (typeof page !== 'string' || !/^~seg\|[\w-]{1,64}$/.test(page))
        return [400, { error: 'page is none that a conversation lists' }];
      const taken = lookups.take();
      if (!taken.ok) return tooOften(taken.afterSeconds);
      const messages = await (await history()).page(ids, page);
      log.info({ ...ids, page, by: visitor.name, from }, 'console: older messages were read');
      return messages ? [200, { messages }] : [410, { error: 'the conversation has changed meanwhile' }];
    },
  };

  async function signIn(request: IncomingMessage, response: ServerResponse, from: string): Promise<void> {
    const body = await readBody(request);
    if (body === 'too large') return sendJson(response, 413, { error: 'the body is too large' });
    if (typeof body?.token !== 'string') return sendJson(response, 400, { error: 'expected a token' });
    const signedIn = access.signIn(body.token.trim(), from);
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
    response.setHeader('set-cookie', access.signOut(request.headers.cookie));
    sendJson(response, 200, {});
  }

  function answer(response: ServerResponse, [status, value]: Answer): void {
    const { afterSeconds } = value as { afterSeconds?: number };
    if (afterSeconds !== undefined) response.setHeader('retry-after', afterSeconds);
    sendJson(response, status, value);
  }

  async function orRefusal(asked: () => Promise<Answer>): Promise<Answer> {
    try {
      return await asked();
    } catch (error) {
      const reasons = error instanceof AggregateError ? error.errors : [error];
      const said = [...new Set(reasons.map(describeError))].join('; ');
      log.warn({ reason: said }, 'console: a service could not be asked');
      return [502, { error: said }];
    }
  }

  return async (request: IncomingMessage, response: ServerResponse, path: string): Promise<void> => {
    secure(response);
    const { method = '', headers, socket } = request;
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
    const visitor = access.visitor(headers.cookie);
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

const tooOften = (afterSeconds: number): Answer => [
  429,
  { error: `too often: again in ${afterSeconds} s`, afterSeconds },
];

/** Of Service Bus; it may be anything. */
const MAX_REASON = 4_096;

function targetOf({ reason, sequenceNumber }: Body): Target | undefined {
  if (typeof sequenceNumber === 'string' && reason === undefined)
    return /^\d{1,20}$/.test(sequenceNumber) ? { sequenceNumber } : undefined;
  const isReason = typeof reason === 'string' && reason !== '' && reason.length <= MAX_REASON;
  return isReason && sequenceNumber === undefined ? { reason } : undefined;
}
