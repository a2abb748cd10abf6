import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';

export type Claims = { aud: string; oid: string; appid: string; iat: number; exp: number; jti: string };

/** A token in the shape of Entra ID's access tokens, signed with a secret that only this process knows. */
export function signToken(secret: Buffer, claims: Omit<Claims, 'jti'>): string {
  const payload = {
    iss: 'https://sts.windows.net/00000000-0000-0000-0000-000000000000/',
    ...claims,
    nbf: claims.iat,
    sub: claims.oid,
    ver: '1.0',
    // Two tokens of the same second must differ, so that a renewal can be told from the token before it.
    jti: randomUUID(),
  };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
  return `${signed}.${signature(secret, signed)}`;
}

/** The claims of a token that carries our signature and has not expired; undefined for any other string. */
export function readToken(secret: Buffer, token: string): Claims | undefined {
  const [header, payload, given, ...rest] = token.split('.');
  if (header === undefined || payload === undefined || given === undefined || rest.length > 0)
    return undefined;
  const expected = Buffer.from(signature(secret, `${header}.${payload}`));
  const presented = Buffer.from(given);
  if (presented.length !== expected.length || !timingSafeEqual(presented, expected)) return undefined;
  // Only what we signed gets here, so it parses.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
  return claims.exp * 1000 > Date.now() ? claims : undefined;
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

const signature = (secret: Buffer, signed: string): string =>
  createHmac('sha256', secret).update(signed).digest('base64url');
