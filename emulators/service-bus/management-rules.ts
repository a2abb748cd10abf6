import { z } from 'zod';
import { Refusal } from './refusal.ts';
import type { Response } from './requests.ts';
import { types } from './rhea-internals.ts';
import { correlationFields, type Rule, ruleSchema, sqlRule } from './rules.ts';

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);
const ruleName = z.object({ 'rule-name': z.string().min(1) });
const addBody = ruleName.extend({
  'rule-description': z.object({
    'sql-filter': z.object({ expression: z.string() }).nullish(),
    'correlation-filter': z
      .object({
        'correlation-id': text,
        'message-id': text,
        to: text,
        'reply-to': text,
        label: text,
        'session-id': text,
        'reply-to-session-id': text,
        'content-type': text,
        properties: z.record(z.string(), z.unknown()).nullish(),
      })
      .nullish(),
    'sql-rule-action': z.object({ expression: text }).nullish(),
  }),
});
const listBody = z.object({ top: z.number(), skip: z.number() });

// Descriptor codes of the service's own types, as @azure/core-amqp reads them.
const codes = {
  description: 0x13700000004,
  noAction: 0x13700000005,
  trueFilter: 0x1370000007,
  falseFilter: 0x1370000008,
  correlationFilter: 0x1370000009,
};

/** The operations of $management on a subscription's rules; undefined when it is none of them. */
export function manageRules(
  operation: string,
  body: unknown,
  rules: () => Map<string, Rule>,
): Response | undefined {
  if (operation === 'add-rule') {
    const rule = readRule(addBody.parse(body));
    if (rules().has(rule.name))
      throw new Refusal(
        'com.microsoft:entity-already-exists',
        `There is a rule '${rule.name}' already.`,
        409,
      );
    rules().set(rule.name, rule);
    return { status: 200 };
  }
  if (operation === 'remove-rule') {
    const name = ruleName.parse(body)['rule-name'];
    if (!rules().delete(name))
      throw new Refusal('amqp:not-found', `The messaging entity '${name}' could not be found.`, 404);
    return { status: 200 };
  }
  if (operation === 'enumerate-rules') {
    const { top, skip } = listBody.parse(body);
    const listed = [...rules().values()].slice(skip, skip + top);
    if (listed.length === 0) return { status: 204 };
    return { status: 200, body: { rules: listed.map((rule) => ({ 'rule-description': describe(rule) })) } };
  }
  return undefined;
}

function readRule(body: z.output<typeof addBody>): Rule {
  const name = body['rule-name'];
  const description = body['rule-description'];
  if (description['sql-rule-action']?.expression)
    throw new Refusal('amqp:not-implemented', `This stand-in knows no rule actions (rule '${name}').`, 400);
  if (description['sql-filter']) return sqlRule(name, description['sql-filter'].expression);
  const given = description['correlation-filter'];
  if (!given) throw new Refusal('amqp:invalid-field', `Rule '${name}' has no filter.`);
  return ruleSchema.parse({
    name,
    filter: {
      kind: 'correlation',
      correlationId: given['correlation-id'],
      messageId: given['message-id'],
      to: given.to,
      replyTo: given['reply-to'],
      subject: given.label,
      sessionId: given['session-id'],
      replyToSessionId: given['reply-to-session-id'],
      contentType: given['content-type'],
      properties: given.properties ?? undefined,
    },
  });
}

function describe({ name, filter }: Rule): unknown {
  const described = (code: number, fields: unknown[]) =>
    types.described_nc(types.wrap_ulong(code), types.wrap_list(fields));
  const encoded =
    filter.kind === 'correlation'
      ? described(codes.correlationFilter, [
          ...Object.keys(correlationFields).map(
            (field) => filter[field as keyof typeof correlationFields] ?? null,
          ),
          types.wrap_map(filter.properties ?? {}),
        ])
      : described(filter.kind === 'true' ? codes.trueFilter : codes.falseFilter, []);
  return described(codes.description, [encoded, described(codes.noAction, []), name]);
}
