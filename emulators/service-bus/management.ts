import { z } from 'zod';
import type { Broker } from './broker.ts';
import { encodeDelivery, messageState } from './encode-delivery.ts';
import { Entity } from './entity.ts';
import type { InjectedRefusals } from './injected-refusals.ts';
import { keyOfToken, tokenOf } from './locks.ts';
import { manageRules } from './management-rules.ts';
import { manageSessions } from './management-sessions.ts';
import { readMessage } from './messages.ts';
import { Refusal } from './refusal.ts';
import type { Request, Response } from './requests.ts';
import { types } from './rhea-internals.ts';
import type { Outcome } from './stored.ts';
import type { Topic } from './topic.ts';

// rhea gives longs beyond 2^53 as bytes. No sequence number of ours is that long: all that counts is on which side it lies.
const sequenceNumber = z.union([
  z.number(),
  z.instanceof(Buffer).transform((bytes) => Number(bytes.readBigInt64BE())),
]);
const lockTokens = z.array(z.instanceof(Buffer)).min(1);
const text = z.string().nullish();

const peekBody = z.object({
  'from-sequence-number': sequenceNumber,
  'message-count': z.number(),
  'session-id': text,
});
const renewBody = z.object({ 'lock-tokens': lockTokens });
const dispositionBody = z.object({
  'lock-tokens': lockTokens,
  'disposition-status': z.enum(['completed', 'abandoned', 'defered', 'suspended']),
  'deadletter-reason': text,
  'deadletter-description': text,
  'properties-to-modify': z.record(z.string(), z.unknown()).nullish(),
});
const scheduleBody = z.object({ messages: z.array(z.object({ message: z.instanceof(Buffer) })) });
const sequencesBody = z.object({ 'sequence-numbers': z.array(sequenceNumber) });
const deferredBody = sequencesBody.extend({
  'receiver-settle-mode': z.number().nullish(),
  'session-id': text,
});
const deleteBody = z.object({ 'message-count': z.number(), 'enqueued-time-utc': z.date().nullish() });

/** The operations that change what a receiver holds. */
const UPDATES = new Set(['renew-lock', 'update-disposition', 'renew-session-lock', 'set-session-state']);

/** Answers a request on an entity's $management; what the entity refuses becomes the reply's status and condition. */
export function answerManagement(
  request: Request,
  entity: Entity | Topic,
  { namespace, refusals }: Broker,
): Response {
  const operation = String(request.properties.operation).replace('com.microsoft:', '');
  try {
    const injected = UPDATES.has(operation) ? refusals.ofManagement() : undefined;
    if (injected) throw injected;
    if (operation === 'schedule-message') return schedule(entity, scheduleBody.parse(request.body));
    if (operation === 'cancel-scheduled-message') return cancel(entity, sequencesBody.parse(request.body));
    if (!(entity instanceof Entity)) throw unknownOperation(operation, entity.path);
    const response =
      manageMessages(operation, request.body, entity, refusals) ??
      manageSessions(operation, request.body, entity) ??
      manageRules(operation, request.body, () => namespace.rulesOf(entity));
    if (!response) throw unknownOperation(operation, entity.path);
    return response;
  } catch (error) {
    if (error instanceof Refusal)
      return { status: error.status, description: error.message, condition: error.condition };
    if (error instanceof z.ZodError)
      return { status: 400, description: z.prettifyError(error), condition: 'amqp:invalid-field' };
    throw error;
  }
}

const unknownOperation = (operation: string, path: string): Refusal =>
  new Refusal('amqp:not-implemented', `'${path}' has no operation ${operation}.`, 501);

function manageMessages(
  operation: string,
  body: unknown,
  entity: Entity,
  refusals: InjectedRefusals,
): Response | undefined {
  if (operation === 'peek-message') return peek(entity, peekBody.parse(body));
  if (operation === 'renew-lock') {
    const expirations = renewBody
      .parse(body)
      ['lock-tokens'].map((token) => entity.settlement.renew(keyOfToken(token)));
    return { status: 200, body: { expirations: types.wrap_array(expirations, 0x83, undefined) } };
  }
  if (operation === 'update-disposition') {
    const injected = refusals.ofSettlement();
    if (injected) throw injected;
    return settle(entity, dispositionBody.parse(body));
  }
  if (operation === 'receive-by-sequence-number') return receiveDeferred(entity, deferredBody.parse(body));
  if (operation === 'batch-delete-messages') {
    const { 'message-count': count, 'enqueued-time-utc': before } = deleteBody.parse(body);
    const deleted = entity.messages.deleteBefore(before?.getTime() ?? Number.POSITIVE_INFINITY, count);
    return { status: deleted > 0 ? 200 : 204, body: { 'message-count': types.wrap_int(deleted) } };
  }
  return undefined;
}

function schedule(entity: Entity | Topic, body: z.output<typeof scheduleBody>): Response {
  const contents = body.messages.map(({ message }) => readMessage(message));
  for (const content of contents) entity.check(content);
  const sequences = contents.map((content) => entity.schedule(content, content.scheduledFor ?? 0));
  return { status: 200, body: { 'sequence-numbers': types.wrap_array(sequences, 0x81, undefined) } };
}

function cancel({ scheduled }: Entity | Topic, body: z.output<typeof sequencesBody>): Response {
  const sequences = body['sequence-numbers'];
  const unknown = sequences.find((sequence) => !scheduled.find(sequence));
  if (unknown !== undefined)
    throw new Refusal('com.microsoft:message-not-found', `No scheduled message has number ${unknown}.`, 404);
  for (const sequence of sequences) scheduled.cancel(sequence);
  return { status: 200 };
}

function peek(entity: Entity, body: z.output<typeof peekBody>): Response {
  const from = body['from-sequence-number'];
  const sessionId = body['session-id'] ?? undefined;
  const stored = entity.messages.peek(from, body['message-count'], sessionId).map((message) => ({
    sequence: message.sequence,
    bytes: encodeDelivery(message, message.lock?.until, message.deferred ? messageState.deferred : undefined),
  }));
  const scheduled = entity.scheduled
    .from(from)
    .filter(({ content }) => sessionId === undefined || content.sessionId === sessionId)
    .map(({ sequence, at, content }) => ({
      sequence,
      bytes: encodeDelivery(
        { sequence, enqueuedSequence: sequence, enqueuedAt: at, deliveryCount: 0, content },
        undefined,
        messageState.scheduled,
      ),
    }));
  const messages = [...stored, ...scheduled]
    .sort((one, other) => one.sequence - other.sequence)
    .slice(0, body['message-count'])
    .map(({ bytes }) => ({ message: bytes }));
  return messages.length > 0 ? { status: 200, body: { messages } } : { status: 204 };
}

function settle(entity: Entity, body: z.output<typeof dispositionBody>): Response {
  const outcome = outcomeOf(body);
  for (const token of body['lock-tokens']) {
    const refusal = entity.settlement.settle(keyOfToken(token), outcome);
    if (refusal) throw refusal;
  }
  return { status: 200 };
}

function outcomeOf(body: z.output<typeof dispositionBody>): Outcome {
  const properties = body['properties-to-modify'] ?? {};
  const reason = body['deadletter-reason'];
  const description = body['deadletter-description'];
  switch (body['disposition-status']) {
    case 'completed':
      return { kind: 'complete' };
    case 'abandoned':
      return { kind: 'abandon', properties };
    // The protocol's own spelling.
    case 'defered':
      return { kind: 'defer', properties };
    case 'suspended':
      return {
        kind: 'deadLetter',
        properties,
        ...(reason == null ? {} : { reason }),
        ...(description == null ? {} : { description }),
      };
  }
}

function receiveDeferred(entity: Entity, body: z.output<typeof deferredBody>): Response {
  const messages = entity.settlement.receiveDeferred(
    body['sequence-numbers'],
    body['receiver-settle-mode'] === 0 ? 'receiveAndDelete' : 'peekLock',
    body['session-id'] ?? undefined,
  );
  return {
    status: 200,
    body: {
      messages: messages.map((message) => ({
        message: encodeDelivery(message, message.lock?.until, messageState.deferred),
        'lock-token': types.wrap_uuid(message.lock ? tokenOf(message.lock) : Buffer.alloc(16)),
      })),
    },
  };
}
