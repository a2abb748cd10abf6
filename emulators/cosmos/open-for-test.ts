import { createHmac } from 'node:crypto';
import { type ConnectionPolicy, CosmosClient } from '@azure/cosmos';
import { onTestFinished } from 'vitest';
import { type CosmosOptions, startCosmos } from './index.ts';

/** A stand-in with database `db` and container `history`, and the official client on it; both end with the test. */
export async function openForTest(options: CosmosOptions = {}, connectionPolicy: ConnectionPolicy = {}) {
  const cosmos = await startCosmos({ database: 'db', container: 'history', ...options });
  const client = new CosmosClient({ endpoint: cosmos.endpoint, key: cosmos.key, connectionPolicy });
  onTestFinished(async () => {
    client.dispose();
    await cosmos.close();
  });
  return { cosmos, client, container: client.database('db').container('history') };
}

/** A request on the items of the container as somebody writes it who has no client: signed, with these headers. */
export async function askRaw(
  cosmos: { endpoint: string; key: string },
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; substatus: string | null; text: string }> {
  const segments = `dbs/db/colls/history/${path}`.split('/');
  const isFeed = segments.length % 2 === 1;
  const type = segments.at(isFeed ? -1 : -2)!;
  const link = segments.slice(0, isFeed ? -1 : undefined).join('/');
  const date = new Date().toUTCString();
  const sig = createHmac('sha256', Buffer.from(cosmos.key, 'base64'))
    .update(`${method.toLowerCase()}\n${type}\n${link}\n${date.toLowerCase()}\n\n`)
    .digest('base64');
  const answer = await fetch(`${cosmos.endpoint}${segments.join('/')}`, {
    method,
    headers: {
      'x-ms-date': date,
      authorization: encodeURIComponent(`type=master&ver=1.0&sig=${sig}`),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  return {
    status: answer.status,
    substatus: answer.headers.get('x-ms-substatus'),
    text: await answer.text(),
  };
}

/** The error that a promise must end with. */
export async function errorOf(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  return promise.then(
    () => {
      throw new Error('there was no error');
    },
    (error) => error,
  );
}
