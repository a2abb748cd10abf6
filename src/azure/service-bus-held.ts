import type { Lock } from '../pipeline/ports.ts';

/** Which messages this process holds just now, so that the watch does not take them for forgotten ones. */
export type HeldSequences = {
  add(sequenceNumber: unknown, lock: Lock): void;
  settled(sequenceNumber: unknown): void;
  has(sequenceNumber: unknown): boolean;
};

/** Nobody tells of a message whose lock was lost: it is forgotten when it is in the way. */
export function makeHeldSequences(usual: number): HeldSequences {
  const locks = new Map<string, Lock>();
  const isHeld = (lock: Lock | undefined): boolean => lock !== undefined && lock.lockedUntilMs > Date.now();
  return {
    add(sequenceNumber, lock) {
      if (locks.size > usual * 2)
        for (const [sequence, held] of locks) if (!isHeld(held)) locks.delete(sequence);
      locks.set(String(sequenceNumber), lock);
    },
    settled: (sequenceNumber) => void locks.delete(String(sequenceNumber)),
    has: (sequenceNumber) => isHeld(locks.get(String(sequenceNumber))),
  };
}
