/**
 * Every name that spans and log records bear. Those of the semantic conventions are held against the conventions' own
 * package in names.test.ts, which is not imported here: loading it takes a tenth of a second.
 */

/** What SPEC §9 puts on every span and record, `name` always and the others while an event is worked on. */
export const APP_NAME = 'history-worker';
export const app = {
  name: 'app.name',
  userId: 'app.user_id',
  sessionId: 'app.session_id',
  chatMessageId: 'app.chat_message_id',
} as const;

/** As much of an id as is told: who sends events may call a turn what they like, at any length. */
const LONGEST_ID = 1_024;
/** An id, as much of it as is told. */
export const shortened = (id: string): string => (id.length > LONGEST_ID ? id.slice(0, LONGEST_ID) : id);

/** Of ours, on the span of an event. */
export const event = {
  /** complete, abandon, dead-letter, or lost: it will be delivered again. */
  outcome: 'app.event.outcome',
  /** From the turn's completion, by the publisher's clock, to its receipt. */
  ageAtReceiptMs: 'app.event.age_at_receipt_ms',
  /** From receipt until history held the turn. */
  durableAfterMs: 'app.event.durable_after_ms',
  /** From the turn's completion, by the publisher's clock, until history held it. */
  completedToDurableMs: 'app.event.completed_to_durable_ms',
} as const;

/** Of ours, on the span of a round. */
export const round = {
  events: 'app.round.events',
  write: 'app.round.write',
  conflicts: 'app.round.conflicts',
  messages: 'app.conversation.messages',
  segments: 'app.conversation.segments',
  bytes: 'app.conversation.bytes',
} as const;

/** Of ours, on the span of a call. */
export const call = { retries: 'app.call.retries', bytes: 'app.call.bytes' } as const;

/** Of the semantic conventions. */
export const attribute = {
  MESSAGING_SYSTEM_NAME: 'messaging.system.name',
  /** Its former name, under which the client's own spans have it. */
  MESSAGING_SYSTEM: 'messaging.system',
  MESSAGING_OPERATION_NAME: 'messaging.operation.name',
  MESSAGING_OPERATION_TYPE: 'messaging.operation.type',
  MESSAGING_DESTINATION_NAME: 'messaging.destination.name',
  MESSAGING_DESTINATION_SUBSCRIPTION_NAME: 'messaging.destination.subscription.name',
  MESSAGING_MESSAGE_ID: 'messaging.message.id',
  AZURE_SERVICEBUS_MESSAGE_DELIVERY_COUNT: 'azure.servicebus.message.delivery_count',
  AZURE_SERVICEBUS_MESSAGE_ENQUEUED_TIME: 'azure.servicebus.message.enqueued_time',
  AZURE_SERVICEBUS_DISPOSITION_STATUS: 'azure.servicebus.disposition_status',
  DB_SYSTEM_NAME: 'db.system.name',
  DB_NAMESPACE: 'db.namespace',
  DB_COLLECTION_NAME: 'db.collection.name',
  DB_OPERATION_NAME: 'db.operation.name',
  DB_RESPONSE_STATUS_CODE: 'db.response.status_code',
  AZURE_COSMOSDB_CONNECTION_MODE: 'azure.cosmosdb.connection.mode',
  AZURE_COSMOSDB_OPERATION_REQUEST_CHARGE: 'azure.cosmosdb.operation.request_charge',
  GEN_AI_OPERATION_NAME: 'gen_ai.operation.name',
  GEN_AI_PROVIDER_NAME: 'gen_ai.provider.name',
  GEN_AI_REQUEST_MODEL: 'gen_ai.request.model',
  GEN_AI_RESPONSE_MODEL: 'gen_ai.response.model',
  GEN_AI_USAGE_INPUT_TOKENS: 'gen_ai.usage.input_tokens',
  GEN_AI_USAGE_OUTPUT_TOKENS: 'gen_ai.usage.output_tokens',
  GEN_AI_TOKEN_TYPE: 'gen_ai.token.type',
  GEN_AI_INPUT_MESSAGES: 'gen_ai.input.messages',
  GEN_AI_OUTPUT_MESSAGES: 'gen_ai.output.messages',
  HTTP_RESPONSE_STATUS_CODE: 'http.response.status_code',
  SERVER_ADDRESS: 'server.address',
  SERVER_PORT: 'server.port',
  CPU_MODE: 'cpu.mode',
  SERVICE_NAME: 'service.name',
  ERROR_TYPE: 'error.type',
  EXCEPTION_TYPE: 'exception.type',
  EXCEPTION_MESSAGE: 'exception.message',
  EXCEPTION_STACKTRACE: 'exception.stacktrace',
} as const;

/** Values of the semantic conventions. */
export const value = {
  MESSAGING_SYSTEM_VALUE_SERVICEBUS: 'servicebus',
  MESSAGING_OPERATION_TYPE_VALUE_PROCESS: 'process',
  AZURE_SERVICEBUS_DISPOSITION_STATUS_VALUE_COMPLETE: 'complete',
  AZURE_SERVICEBUS_DISPOSITION_STATUS_VALUE_ABANDON: 'abandon',
  AZURE_SERVICEBUS_DISPOSITION_STATUS_VALUE_DEAD_LETTER: 'dead_letter',
  DB_SYSTEM_NAME_VALUE_AZURE_COSMOSDB: 'azure.cosmosdb',
  DB_SYSTEM_NAME_VALUE_REDIS: 'redis',
  AZURE_COSMOSDB_CONNECTION_MODE_VALUE_GATEWAY: 'gateway',
  GEN_AI_OPERATION_NAME_VALUE_CHAT: 'chat',
  GEN_AI_PROVIDER_NAME_VALUE_AZURE_AI_OPENAI: 'azure.ai.openai',
  GEN_AI_TOKEN_TYPE_VALUE_INPUT: 'input',
  GEN_AI_TOKEN_TYPE_VALUE_OUTPUT: 'output',
  CPU_MODE_VALUE_USER: 'user',
  CPU_MODE_VALUE_SYSTEM: 'system',
} as const;

/** Application Insights takes the name of a request from here; without it that of a consumer is empty. */
export const AI_OPERATION_NAME = 'ai.operation.name';

/** How the conventions call what the store's adapter does to Cosmos DB. */
export const cosmosOperations: Readonly<Record<string, string>> = {
  read: 'read_item',
  create: 'create_item',
  replace: 'replace_item',
  patch: 'patch_item',
  'create-segment': 'create_item',
  'read-segment': 'read_item',
  'delete-segment': 'delete_item',
};
