import { z } from 'zod';
import { type Content, decodeProperties } from './messages.ts';
import { Refusal } from './refusal.ts';

const correlation = z.strictObject({
  kind: z.literal('correlation'),
  correlationId: z.string().optional(),
  messageId: z.string().optional(),
  to: z.string().optional(),
  replyTo: z.string().optional(),
  subject: z.string().optional(),
  sessionId: z.string().optional(),
  replyToSessionId: z.string().optional(),
  contentType: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
});

export const ruleSchema = z.strictObject({
  name: z.string().min(1),
  filter: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('true') }),
    z.strictObject({ kind: z.literal('false') }),
    correlation,
  ]),
});

/** Which messages of a topic a subscription gets. SQL filters are refused, but for 1=1 and 1=0. */
export type Rule = z.output<typeof ruleSchema>;

export const defaultRule: Rule = { name: '$Default', filter: { kind: 'true' } };

/** The system properties that a correlation filter can name, and what AMQP calls them. */
export const correlationFields = {
  correlationId: 'correlation_id',
  messageId: 'message_id',
  to: 'to',
  replyTo: 'reply_to',
  subject: 'subject',
  sessionId: 'group_id',
  replyToSessionId: 'reply_to_group_id',
  contentType: 'content_type',
} as const;

/** @throws Refusal for every SQL expression but the constant ones */
export function sqlRule(name: string, expression: string): Rule {
  const text = expression.replaceAll(/\s/g, '');
  if (text === '1=1') return { name, filter: { kind: 'true' } };
  if (text === '1=0') return { name, filter: { kind: 'false' } };
  throw new Refusal(
    'amqp:not-implemented',
    `This stand-in knows no SQL filters (rule '${name}': ${expression}); use a correlation filter.`,
    400,
  );
}

/** Whether any rule lets the message through. It is decoded only if a rule has to look at it. */
export function matchesAny(rules: Iterable<Rule>, content: Content): boolean {
  let decoded: Record<string, unknown> | undefined;
  for (const { filter } of rules) {
    if (filter.kind === 'true') return true;
    if (filter.kind === 'false') continue;
    decoded ??= decodeProperties(content);
    if (matchesCorrelation(filter, decoded)) return true;
  }
  return false;
}

/** All conditions that are given must hold. */
function matchesCorrelation(filter: z.output<typeof correlation>, message: Record<string, unknown>): boolean {
  for (const [name, field] of Object.entries(correlationFields)) {
    const wanted = filter[name as keyof typeof correlationFields];
    if (wanted !== undefined && message[field] !== wanted) return false;
  }
  const properties = (message.application_properties ?? {}) as Record<string, unknown>;
  return Object.entries(filter.properties ?? {}).every(([key, wanted]) => isEqual(properties[key], wanted));
}

const isEqual = (value: unknown, wanted: unknown): boolean =>
  value instanceof Date && wanted instanceof Date ? value.getTime() === wanted.getTime() : value === wanted;
