import { createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from './refusal.ts';

export type Credentials = { key: string; authorize: ((token: string) => boolean) | undefined };
export type Identity = 'key' | 'entra';

/** The key of Microsoft's own emulator: public, and in every tutorial. */
export const EMULATOR_KEY =
  'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==';

const PARTITION_DELETION = 'operations/partitionkeydelete';

// "learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources": the date may be 15 minutes off.
const MAX_SKEW_MS = 15 * 60_000;

export type SignedRequest = {
  method: string;
  /** Path without query, as sent. */
  path: string;
  date: string | undefined;
  authorization: string | undefined;
  secure: boolean;
};

/** Checks who asks: the account key's signature, or an Entra ID token, which only counts over TLS. Throws 401/403. */
export function authenticate(request: SignedRequest, credentials: Credentials): Identity {
  if (request.authorization === undefined) {
    throw new Refusal(401, 0, "Required Header 'authorization' is missing.");
  }
  // The client url-encodes a key's signature and sends an Entra token as it is.
  const raw = request.authorization;
  const text = raw.includes('%') ? decode(raw) : raw;
  const fields = /^type=(\w+)&ver=([^&]+)&sig=(.+)$/s.exec(text);
  if (!fields) throw new Refusal(401, 0, 'The authorization header is not type=…&ver=…&sig=….');
  const [, type, , signature] = fields;
  if (type === 'aad') {
    checkToken(signature!, request.secure, credentials);
    return 'entra';
  }
  if (type !== 'master') throw new Refusal(401, 0, `Authorization type '${type}' is not supported.`);
  checkSignature(signature!, request, credentials.key);
  return 'key';
}

function checkToken(token: string, secure: boolean, { authorize }: Credentials): void {
  if (!secure) throw new Refusal(401, 0, 'An Entra ID token is only accepted over TLS.');
  if (!authorize) throw new Refusal(401, 0, 'This account accepts no Entra ID tokens.');
  if (!authorize(token)) throw new Refusal(401, 0, 'The Entra ID token was refused.');
}

function checkSignature(signature: string, request: SignedRequest, key: string): void {
  const { date } = request;
  if (date === undefined) throw new Refusal(401, 0, "Required Header 'x-ms-date' is missing.");
  if (!(Math.abs(Date.parse(date) - Date.now()) <= MAX_SKEW_MS)) {
    throw new Refusal(403, 0, `The input date is not within the permissible range: '${date}'.`);
  }
  const all = request.path.split('/').filter((segment) => segment !== '');
  // The client signs the deletion of a partition for the container, whatever its path.
  const segments = all.slice(4).join('/') === PARTITION_DELETION ? all.slice(0, 4) : all;
  // An odd number of segments addresses a feed (…/docs), whose owner is what is signed; an even one a resource.
  const isFeed = segments.length % 2 === 1;
  const resourceType = segments.length === 0 ? '' : isFeed ? segments.at(-1)! : segments.at(-2)!;
  const link = (isFeed ? segments.slice(0, -1) : segments).join('/');
  const expected = sign(key, request.method, resourceType, decode(link), date);
  const given = Buffer.from(signature, 'utf8');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new Refusal(
      401,
      0,
      'The input authorization token cannot serve the request. The wrong key is being used or the expected payload ' +
        'is not built as per the protocol.',
    );
  }
}

function sign(key: string, method: string, resourceType: string, link: string, date: string): Buffer {
  const text = `${method.toLowerCase()}\n${resourceType.toLowerCase()}\n${link}\n${date.toLowerCase()}\n\n`;
  const digest = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64');
  return Buffer.from(digest, 'utf8');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new Refusal(400, 0, 'The request holds malformed percent-encoding.');
    throw error;
  }
}
