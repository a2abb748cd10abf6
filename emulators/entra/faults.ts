import { z } from 'zod';

export const EntraFaults = z.object({
  /** Every token request is answered as where no identity is assigned. */
  refuse: z.boolean().default(false),
  latencyMs: z.number().nonnegative().default(0),
  /** Requests are taken and not answered until this is off again. */
  freeze: z.boolean().default(false),
  /**
   * Tokens issued from now on are good for so long, instead of what the stand-in was started with. The Service Bus
   * client renews two minutes before the end: a token that is shorter than that it renews without pause.
   */
  tokenLifetimeSeconds: z.int().positive().nullable().default(null),
});

export type EntraFaults = z.output<typeof EntraFaults>;
/** A fault set to undefined is off. */
export type EntraFaultsPatch = Partial<z.input<typeof EntraFaults>>;
