import { z } from 'zod';

export const faultsSchema = z.strictObject({
  /** Delays every delivery and every answer, as a long line does: throughput is not held back. */
  latencyMs: z.number().min(0),
  /** New connections are cut at once. */
  refuseConnections: z.boolean(),
  /** Accepts connections and reads, and answers nothing until it is over; then goes on where it was. */
  freeze: z.boolean(),
  /** Links stay up and nothing is delivered. */
  silent: z.boolean(),
  /** Every settlement is refused with this condition; the message stays locked. */
  refuseSettlements: z.string().min(1).nullable(),
  /** Together with refuseSettlements: only every nth settlement, of all links together. */
  refuseSettlementsEvery: z.number().int().positive().nullable(),
  /**
   * Renewals of locks, dispositions and session states on $management are refused with this condition, such as
   * com.microsoft:server-busy, and the status that goes with it. Peeking and the rest go on.
   */
  refuseManagement: z.string().min(1).nullable(),
  /** Every new receiving or sending link is refused with this condition, such as com.microsoft:server-busy. */
  refuseAttach: z.string().min(1).nullable(),
  /** Every token is refused. */
  refuseCbs: z.boolean(),
});

/** What can be made to go wrong while the stand-in runs. */
export type ServiceBusFaults = z.output<typeof faultsSchema>;

export const noFaults: ServiceBusFaults = {
  latencyMs: 0,
  refuseConnections: false,
  freeze: false,
  silent: false,
  refuseSettlements: null,
  refuseSettlementsEvery: null,
  refuseManagement: null,
  refuseAttach: null,
  refuseCbs: false,
};
