import type { ServiceBusFaults } from './faults.ts';
import { Refusal } from './refusal.ts';

// What the service's reply on $management says beside a condition.
const STATUSES: Record<string, number> = {
  'amqp:unauthorized-access': 401,
  'com.microsoft:entity-disabled': 403,
  'amqp:not-found': 404,
  'com.microsoft:message-not-found': 404,
  'com.microsoft:timeout': 408,
  'com.microsoft:session-cannot-be-locked': 409,
  'com.microsoft:message-lock-lost': 410,
  'com.microsoft:session-lock-lost': 410,
  'amqp:internal-error': 500,
  'com.microsoft:server-busy': 503,
};

export type InjectedRefusals = ReturnType<typeof makeInjectedRefusals>;

/** The refusals that faults ask for where the broker itself has no objection. */
export function makeInjectedRefusals(faults: () => ServiceBusFaults) {
  let settlements = 0;
  const injected = (condition: string): Refusal =>
    new Refusal(condition, 'Refused by a fault of the stand-in.', STATUSES[condition] ?? 400);
  return {
    /** To be asked once a settlement: it counts. */
    ofSettlement(): Refusal | undefined {
      const { refuseSettlements, refuseSettlementsEvery } = faults();
      if (refuseSettlements === null) return undefined;
      settlements++;
      return settlements % (refuseSettlementsEvery ?? 1) === 0 ? injected(refuseSettlements) : undefined;
    },
    ofManagement(): Refusal | undefined {
      const { refuseManagement } = faults();
      return refuseManagement === null ? undefined : injected(refuseManagement);
    },
    ofAttach(): Refusal | undefined {
      const { refuseAttach } = faults();
      return refuseAttach === null ? undefined : injected(refuseAttach);
    },
    /** Counts settlements from one again. */
    restart(): void {
      settlements = 0;
    },
  };
}
