import type { IncomingMessage } from 'node:http';
import { azureRefusal, modelRefusal } from './refusal.ts';

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * The JSON object that is the request's body.
 * @throws Refusal 413 if it is too large, 400 if it is none
 */
export async function readJson(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES)
      throw azureRefusal(413, '413', 'Request body is too large.', { connection: 'close' });
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw modelRefusal('We could not parse the JSON body of your request.', null, null);
}
