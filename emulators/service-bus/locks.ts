import { randomBytes } from 'node:crypto';
import type { Lock, Stored } from './stored.ts';

// A lock token is 8 random bytes that are the same for the whole process and a count. Drawing 16 random bytes a
// delivery cost 5 % of the broker's time, and a number is a faster key than a string.
const prefix = randomBytes(8);
// .NET writes a GUID's first three groups backwards in the delivery tag, but not in $management. The count lies in the
// last 8 bytes, which both write alike.
const tagPrefix = Buffer.from([3, 2, 1, 0, 5, 4, 7, 6].map((at) => prefix[at]!));
let lastKey = 0;

/** The key of a lock token as $management brings it; undefined when it is not one of this process. */
export function keyOfToken(token: Buffer): number | undefined {
  if (token.length !== 16 || prefix.compare(token, 0, 8) !== 0) return undefined;
  return token.readUInt32BE(8) * 2 ** 32 + token.readUInt32BE(12);
}

/** The lock token of a lock in the plain order of bytes that $management uses. */
export const tokenOf = (lock: Lock): Buffer => Buffer.concat([prefix, lock.tag.subarray(8)]);

/**
 * The locks of an entity. All last equally long, so that the order of locking and renewing is the order of expiry: a
 * Map keeps it, and the earliest is the first.
 */
export class Locks {
  readonly #byKey = new Map<number, Lock>();

  get size(): number {
    return this.#byKey.size;
  }

  add(message: Stored, until: number): Lock {
    const key = ++lastKey;
    const tag = Buffer.allocUnsafe(16);
    tagPrefix.copy(tag);
    tag.writeUInt32BE(Math.floor(key / 2 ** 32), 8);
    tag.writeUInt32BE(key >>> 0, 12);
    const lock = { key, tag, message, until };
    message.lock = lock;
    this.#byKey.set(key, lock);
    return lock;
  }

  find(key: number): Lock | undefined {
    return this.#byKey.get(key);
  }

  remove(lock: Lock): void {
    this.#byKey.delete(lock.key);
    lock.message.lock = undefined;
  }

  renew(lock: Lock, until: number): void {
    this.#byKey.delete(lock.key);
    lock.until = until;
    this.#byKey.set(lock.key, lock);
  }

  first(): Lock | undefined {
    return this.#byKey.values().next().value;
  }

  all(): Lock[] {
    return [...this.#byKey.values()];
  }
}
