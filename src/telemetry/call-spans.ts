import { type Attributes, context, type Span, SpanKind, type Tracer } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import type { Dependency } from '../pipeline/failures.ts';
import type { CallFacts } from '../pipeline/watch.ts';
import { attribute, call, cosmosOperations, value } from './names.ts';
import { withinSpan } from './within-span.ts';

type Work<T> = (note: (facts: CallFacts) => void) => Promise<T>;

/** The spans of calls whose clients make none. */
export type CallSpans = {
  cosmos<T>(operation: string, work: Work<T>): Promise<T>;
  title<T>(work: Work<T>): Promise<T>;
  probe<T>(service: Dependency, work: Work<T>): Promise<T>;
};

/** For a worker of this configuration. */
export function makeCallSpans(tracer: Tracer, config: Config): CallSpans {
  const { database, container, endpoint } = config.cosmos;
  const cosmos: Attributes = {
    [attribute.DB_SYSTEM_NAME]: value.DB_SYSTEM_NAME_VALUE_AZURE_COSMOSDB,
    [attribute.DB_NAMESPACE]: database,
    [attribute.DB_COLLECTION_NAME]: container,
    [attribute.AZURE_COSMOSDB_CONNECTION_MODE]: value.AZURE_COSMOSDB_CONNECTION_MODE_VALUE_GATEWAY,
    ...serverOf(endpoint),
  };
  const title: Attributes = {
    [attribute.GEN_AI_OPERATION_NAME]: value.GEN_AI_OPERATION_NAME_VALUE_CHAT,
    [attribute.GEN_AI_PROVIDER_NAME]: value.GEN_AI_PROVIDER_NAME_VALUE_AZURE_AI_OPENAI,
    ...serverOf(config.titles.endpoint),
  };

  const within = <T>(span: Span, note: (span: Span, facts: CallFacts) => void, work: Work<T>): Promise<T> =>
    withinSpan(span, context.active(), () => work((facts) => note(span, facts)));

  return {
    cosmos(operation, work) {
      const name = cosmosOperations[operation] ?? operation;
      const attributes = { ...cosmos, [attribute.DB_OPERATION_NAME]: name };
      const span = tracer.startSpan(`${name} ${container}`, { kind: SpanKind.CLIENT, attributes });
      return within(span, noteStore, work);
    },
    title(work) {
      const span = tracer.startSpan(value.GEN_AI_OPERATION_NAME_VALUE_CHAT, {
        kind: SpanKind.CLIENT,
        attributes: title,
      });
      return within(span, config.telemetry.capturesContent ? noteTitleWithContent : noteTitle, work);
    },
    probe: (service, work) => within(tracer.startSpan(`probe ${service}`), noteCall, work),
  };
}

function noteCall(span: Span, { retries, bytes }: CallFacts): void {
  if (retries !== undefined) span.setAttribute(call.retries, retries);
  if (bytes !== undefined) span.setAttribute(call.bytes, bytes);
}

function noteStore(span: Span, facts: CallFacts): void {
  noteCall(span, facts);
  const { status, requestUnits } = facts;
  if (status !== undefined) span.setAttribute(attribute.DB_RESPONSE_STATUS_CODE, String(status));
  if (requestUnits !== undefined)
    span.setAttribute(attribute.AZURE_COSMOSDB_OPERATION_REQUEST_CHARGE, requestUnits);
}

function noteTitle(span: Span, facts: CallFacts): void {
  noteCall(span, facts);
  const { model, answeredBy, status, inputTokens, outputTokens } = facts;
  if (model !== undefined) {
    span.updateName(`${value.GEN_AI_OPERATION_NAME_VALUE_CHAT} ${model}`);
    span.setAttribute(attribute.GEN_AI_REQUEST_MODEL, model);
  }
  if (answeredBy !== undefined) span.setAttribute(attribute.GEN_AI_RESPONSE_MODEL, answeredBy);
  if (typeof status === 'number') span.setAttribute(attribute.HTTP_RESPONSE_STATUS_CODE, status);
  if (inputTokens !== undefined) span.setAttribute(attribute.GEN_AI_USAGE_INPUT_TOKENS, inputTokens);
  if (outputTokens !== undefined) span.setAttribute(attribute.GEN_AI_USAGE_OUTPUT_TOKENS, outputTokens);
}

function noteTitleWithContent(span: Span, facts: CallFacts): void {
  noteTitle(span, facts);
  if (!facts.content) return;
  const messages = facts.content.input.map(({ role, content }) => messageOf(role, content));
  span.setAttribute(attribute.GEN_AI_INPUT_MESSAGES, JSON.stringify(messages));
  const answer = [messageOf('assistant', facts.content.output)];
  span.setAttribute(attribute.GEN_AI_OUTPUT_MESSAGES, JSON.stringify(answer));
}

/** In the shape of the conventions. */
const messageOf = (role: string, content: string) => ({ role, parts: [{ type: 'text', content }] });

function serverOf(url: string): Attributes {
  const { hostname, port, protocol } = new URL(url);
  return {
    [attribute.SERVER_ADDRESS]: hostname,
    [attribute.SERVER_PORT]: Number(port || (protocol === 'http:' ? 80 : 443)),
  };
}
