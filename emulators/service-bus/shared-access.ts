import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Authorize } from './cbs.ts';

/** The key of the namespace. */
export const KEY_NAME = 'RootManageSharedAccessKey';
export const KEY = 'local-service-bus-key';

const INVALID = 'InvalidSignature: The token has an invalid signature.';

/**
 * Takes the tokens that the namespace's key has signed, for the address that they are shown for or one above it. Entra ID's are
 * for whoever knows that service. "learn.microsoft.com/azure/service-bus-messaging/service-bus-sas": the signature is HMAC-SHA256 of
 * the encoded address and the expiry, a line each.
 */
export const bySharedAccess: Authorize = ({ type, token, audience }) => {
  if (type === 'jwt') return true;
  const [, fields] = /^SharedAccessSignature (.+)$/.exec(token) ?? [];
  if (fields === undefined) return 'InvalidSignature: The token is no shared access signature.';
  // As they were sent: the address is signed in its encoded form.
  const sent = new Map(
    fields.split('&').map((field) => [field.split('=', 1)[0]!, field.replace(/^\w+=/, '')]),
  );
  const { sr = '', sig = '', se = '', skn = '' } = Object.fromEntries(sent);
  const signature = Buffer.from(decoded(sig), 'base64');
  const expected = createHmac('sha256', KEY).update(`${sr}\n${se}`).digest();
  if (decoded(skn) !== KEY_NAME || signature.length !== expected.length) return INVALID;
  if (!timingSafeEqual(signature, expected)) return INVALID;
  return covers(decoded(sr), audience) || `InvalidAudience: The token is not for '${audience}'.`;
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return '';
    throw error;
  }
}

const covers = (resource: string, audience: string): boolean => {
  const above = withoutEnd(resource);
  const address = withoutEnd(audience);
  return address === above || address.startsWith(`${above}/`);
};
const withoutEnd = (address: string): string => address.toLowerCase().replace(/\/+$/, '');
