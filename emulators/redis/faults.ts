import { z } from 'zod';

export const RedisFaults = z.object({
  /** Every command waits this long before the server sees it. */
  latencyMs: z.number().nonnegative().default(0),
  /** Connections and commands are taken, and nothing is answered until this is off again. */
  freeze: z.boolean().default(false),
  /** As when the server is away: nobody listens on the port, and the connections that stood are cut. */
  refuseConnections: z.boolean().default(false),
  /** A read (GET, GETRANGE, STRLEN, MGET, EXISTS) of one of these keys is answered with an error. */
  failKeys: z.array(z.string()).default([]),
  /** Every nth read, of whatever key and on whatever connection, is answered as by a server that has just started. */
  failEvery: z.int().positive().nullable().default(null),
});

export type RedisFaults = z.output<typeof RedisFaults>;
/** A fault set to undefined is off. */
export type RedisFaultsPatch = Partial<z.input<typeof RedisFaults>>;
