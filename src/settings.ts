import {
  chatEndpoint,
  connectionString,
  cosmosName,
  hostname,
  hostOf,
  integer,
  longEnough,
  oneOf,
  portOrOff,
  type SettingCheck,
  seconds,
  truth,
  url,
} from './setting-checks.ts';

/** One variable of the environment. The tables of the pages, `.env.example` and the checks all come from this list. */
export type Setting = {
  name: string;
  description: string;
  /** Absent: there is none. */
  default?: string;
  required?: boolean;
  secret?: boolean;
  /** A key or password for local work, in the place of Entra ID. */
  standsInForEntraId?: boolean;
  /** Absent: any text will do. */
  check?: SettingCheck;
  example?: string;
};

/** In the order of the seed's list, then what the rules of behaviour add. */
export const settings: readonly Setting[] = [
  {
    name: 'SERVICEBUS_FULLY_QUALIFIED_NAMESPACE',
    description: 'Service Bus namespace (Entra ID)',
    check: hostname,
    example: 'your-servicebus.servicebus.windows.net',
  },
  {
    name: 'SERVICEBUS_CONNECTION_STRING',
    description: 'for local work: stands in for the namespace and Entra ID',
    secret: true,
    standsInForEntraId: true,
    check: connectionString,
  },
  {
    name: 'SERVICEBUS_MESSAGE_COMPLETED_TOPIC',
    description: 'topic of the events',
    default: 'message-completed',
  },
  {
    name: 'SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION',
    description: "the worker's subscription",
    default: 'history-worker-message-completed',
  },
  {
    name: 'COSMOS_ENDPOINT',
    description: 'Cosmos DB account',
    required: true,
    check: url,
    example: 'https://your-cosmos.documents.azure.com:443/',
  },
  {
    name: 'COSMOS_KEY',
    description: 'for local work: stands in for Entra ID',
    secret: true,
    standsInForEntraId: true,
  },
  {
    name: 'COSMOS_DATABASE_NAME',
    description: 'database',
    required: true,
    check: cosmosName,
    example: 'mydb',
  },
  {
    name: 'COSMOS_CONTAINER_NAME',
    description: 'container; its partition key path is read at start',
    required: true,
    check: cosmosName,
    example: 'mydocuments',
  },
  {
    name: 'AZURE_AI_CHAT_ENDPOINT',
    description: 'the title model: …/openai/deployments/NAME or …/openai/v1/',
    required: true,
    check: chatEndpoint,
    example: 'https://your-ai-service.openai.azure.com/openai/deployments/gpt-4',
  },
  {
    name: 'AZURE_AI_CHAT_MODEL',
    description: 'deployment name, needed with the …/openai/v1/ form',
  },
  {
    name: 'AZURE_AI_API_VERSION',
    description: 'api-version of the …/openai/deployments/NAME form',
    default: '2024-10-21',
  },
  {
    name: 'AZURE_AI_API_KEY',
    description: 'for local work: stands in for Entra ID',
    secret: true,
    standsInForEntraId: true,
  },
  {
    name: 'REDIS_HOST',
    description: 'Redis host name',
    required: true,
    check: hostOf('REDIS_PORT'),
    example: 'your-redis.redis.azure.net',
  },
  { name: 'REDIS_PORT', description: 'Redis port', default: '10000', check: integer(1, 65_535) },
  {
    name: 'REDIS_SSL',
    description: 'TLS to Redis',
    default: 'true',
    check: truth,
  },
  {
    name: 'REDIS_PASSWORD',
    description: 'for local work: stands in for Entra ID',
    secret: true,
    standsInForEntraId: true,
  },
  { name: 'REDIS_USERNAME', description: 'user that REDIS_PASSWORD belongs to' },
  {
    name: 'LOG_LEVEL',
    description: 'TRACE, DEBUG, INFO, WARNING, ERROR or CRITICAL',
    default: 'INFO',
    check: oneOf('trace', 'debug', 'info', 'warning', 'error', 'critical'),
  },
  {
    name: 'MAX_CONCURRENCY',
    description: 'conversations worked on at a time',
    default: '10',
    check: integer(1, 1000),
  },
  {
    name: 'MAX_LOCKED_EVENTS',
    description: 'events held at a time; default 4 times MAX_CONCURRENCY',
    check: integer(1, 4000),
  },
  {
    name: 'TITLE_MAX_CONCURRENCY',
    description: 'title requests at a time; default 4 times MAX_CONCURRENCY',
    check: integer(1, 1000),
  },
  {
    name: 'TITLE_TIMEOUT_SECONDS',
    description: 'overall deadline of a title, retries included',
    default: '20',
    check: seconds(1, 120),
  },
  {
    name: 'PAGE_LIMIT_KB',
    description:
      'a conversation larger than this (KB of 1,024 bytes) is stored in pages: cheaper for long ones',
    default: '1950',
    check: integer(64, 1950),
  },
  {
    name: 'MEMORY_LIMIT_MB',
    description: 'large conversations (over 256 KB) in hand at a time, in MB; one alone may be larger',
    default: '16',
    check: integer(1, 4096),
  },
  {
    name: 'TURN_WAIT_SECONDS',
    description: 'how long a turn that Redis does not show yet is waited for',
    default: '30',
    check: seconds(0, 240),
  },
  {
    name: 'SHUTDOWN_TIMEOUT_SECONDS',
    description: 'time to finish what is in hand after SIGTERM',
    default: '60',
    check: seconds(1, 3600),
  },
  {
    name: 'HEALTH_PORT',
    description:
      'of /livez, /readyz and /metrics (Prometheus): `0` takes any free one, `off` none. A free one also if the default is taken',
    default: '8080',
    check: portOrOff,
  },
  {
    name: 'HEALTH_HOST',
    description: 'address of the health port; where others ask, as in Kubernetes, `0.0.0.0`',
    default: '127.0.0.1',
    check: hostOf('HEALTH_PORT'),
  },
  {
    name: 'CONSOLE_ENABLED',
    description: "true: the operator's page at `/console/` on the health port, which shows conversations",
    default: 'false',
    check: truth,
  },
  {
    name: 'CONSOLE_TOKEN',
    description: 'what that page asks for: at least 16 characters; needed unless HEALTH_HOST is loopback',
    secret: true,
    check: longEnough,
  },
  { name: 'AZURE_CLIENT_ID', description: 'client id of a user-assigned managed identity' },
  {
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING',
    description: 'traces, metrics and logs go to Azure Monitor',
    secret: true,
  },
  {
    name: 'APPLICATIONINSIGHTS_LIVE_METRICS',
    description: 'live metrics of Azure Monitor',
    default: 'false',
    check: truth,
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    description: 'traces, metrics and logs go there over OTLP; the other standard OTEL_ variables hold too',
    check: url,
  },
  { name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', description: 'the same for traces alone', check: url },
  { name: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', description: 'the same for metrics alone', check: url },
  { name: 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', description: 'the same for logs alone', check: url },
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    description: 'sent with OTLP, as a key of the receiver',
    secret: true,
  },
  {
    name: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    description: 'of OTLP: the only one there is',
    default: 'http/protobuf',
    check: oneOf('http/protobuf'),
  },
  {
    name: 'OTEL_TRACES_EXPORTER',
    description: 'none: no traces over OTLP',
    default: 'otlp',
    check: oneOf('otlp', 'none'),
  },
  {
    name: 'OTEL_METRICS_EXPORTER',
    description: 'none: no metrics over OTLP',
    default: 'otlp',
    check: oneOf('otlp', 'none'),
  },
  {
    name: 'OTEL_LOGS_EXPORTER',
    description: 'none: no logs over OTLP',
    default: 'otlp',
    check: oneOf('otlp', 'none'),
  },
  {
    name: 'OTEL_SDK_DISABLED',
    description: 'true: no telemetry goes anywhere, whatever else is set',
    default: 'false',
    check: oneOf('true', 'false'),
  },
  {
    name: 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT',
    description:
      'true: what the title model is asked and answers stands in its spans, content of messages too',
    default: 'false',
    check: oneOf('true', 'false'),
  },
  {
    name: 'OTEL_SERVICE_NAME',
    description: "the service's name in logs and telemetry",
    default: 'history-worker',
  },
];

/** The variables of an environment that hold a key in the place of Entra ID. */
export const keysIn = (environment: Readonly<Record<string, string | undefined>>): string[] =>
  settings
    .filter(({ name, standsInForEntraId }) => standsInForEntraId && environment[name]?.trim())
    .map(({ name }) => name);
