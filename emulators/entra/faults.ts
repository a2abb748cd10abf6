import { z } from 'zod';

export const EntraFaults = z.object({
  /** Every token request is answered as where no identity is assigned. */
  refuse: z.boolean().default(false),
  latencyMs: z.number().nonnegative().default(0),
  /** Requests are taken and not answered until this is off again. */
  freeze: z.boolean().default(false),
});

export type EntraFaults = z.output<typeof EntraFaults>;
/** A fault set to undefined is off. */
export type EntraFaultsPatch = Partial<z.input<typeof EntraFaults>>;
