import { z } from 'zod';

const Status = z.strictObject({
  code: z.int().min(400).max(599),
  body: z.unknown().optional(),
  retryAfterMs: z.number().nonnegative().optional(),
  retryAfterSeconds: z.number().nonnegative().optional(),
  /** Only every n-th request. */
  every: z.int().positive().default(1),
  /** Only so many times; then the fault is over. */
  count: z.int().positive().optional(),
});

export const ChatFaults = z.object({
  latencyMs: z.number().nonnegative().default(0),
  /** Requests are taken and not answered until this is off again. */
  freeze: z.boolean().default(false),
  /** Nobody listens; requests in hand are still answered. */
  refuseConnections: z.boolean().default(false),
  status: Status.nullable().default(null),
  /** The prompt is filtered: always, or where it holds this text. */
  contentFilter: z.union([z.boolean(), z.string().min(1)]).default(false),
  /** As o-series and gpt-5 models: no `max_tokens`, no `temperature`, and hidden tokens that count. */
  reasoningModel: z.boolean().default(false),
  /** Instead of a title; several take turns. */
  answer: z
    .union([z.string(), z.array(z.string()).min(1)])
    .nullable()
    .default(null),
  finishReason: z.enum(['stop', 'length', 'content_filter', 'tool_calls']).nullable().default(null),
  /** 429 for every request beyond so many at a time. */
  maxConcurrent: z.int().nonnegative().nullable().default(null),
});

export type ChatFaults = z.output<typeof ChatFaults>;
/** A fault set to undefined is off; over the control port, where there is none, one set to null. */
export type ChatFaultsPatch = Partial<z.input<typeof ChatFaults>>;
