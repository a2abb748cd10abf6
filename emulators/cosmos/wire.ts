import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';

// A body over this is not even kept: an item and a batch are at most 2 MB, plus what the client wraps around them.
export const MAX_BODY = 4 * 1024 * 1024;

/** An answer with what only a refusal has. */
export type Sent = Answer & { substatus?: number; retryAfterMs?: number | undefined };

/** The whole body; one byte more than MAX_BODY stands for all that are longer. */
export async function readBody(message: IncomingMessage): Promise<Buffer | 'aborted'> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
    }
  } catch (error) {
    // The client went away in the middle: there is nobody to answer.
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return 'aborted';
    throw error;
  }
  return size > MAX_BODY
    ? Buffer.alloc(MAX_BODY + 1)
    : chunks.length === 1
      ? chunks[0]!
      : Buffer.concat(chunks);
}

/** Answers in HTTP, with the headers that the client reads. */
export function send(
  response: ServerResponse,
  account: { lastLsn: () => number; now: () => number },
  answer: Sent,
): void {
  const { status, body, charge, etag, container, continuation, itemCount, substatus, retryAfterMs } = answer;
  const headers: Record<string, string | number> = {
    'content-type': 'application/json',
    'x-ms-request-charge': Math.round(charge * 100) / 100,
    'x-ms-activity-id': randomUUID(),
    'x-ms-version': '2020-07-15',
    // Of the clock that `_ts` is from, so that a client can tell an item's age without trusting its own.
    date: new Date(account.now()).toUTCString(),
  };
  if (status !== 204 && status !== 304) headers['content-length'] = Buffer.byteLength(body);
  if (etag !== undefined) headers.etag = etag;
  if (container) {
    // The client keeps a session token only with both of these paths beside it.
    headers['x-ms-session-token'] = `0:-1#${account.lastLsn()}`;
    headers['x-ms-alt-content-path'] = encodeURI(container.link);
    headers['x-ms-content-path'] = container.rid;
  }
  if (continuation !== undefined) headers['x-ms-continuation'] = continuation;
  if (itemCount !== undefined) headers['x-ms-item-count'] = itemCount;
  if (substatus) headers['x-ms-substatus'] = substatus;
  if (retryAfterMs !== undefined) headers['x-ms-retry-after-ms'] = Math.ceil(retryAfterMs);
  response.writeHead(status, headers);
  response.end(status === 204 || status === 304 ? undefined : body);
}
