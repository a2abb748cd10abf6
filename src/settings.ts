/** One variable of the environment. The README's table, `.env.example` and the checks all come from this list. */
export type Setting = {
  name: string;
  description: string;
  /** Absent: there is none. */
  default?: string;
  required?: boolean;
  secret?: boolean;
  /** A key or password for local work, in the place of Entra ID. */
  standsInForEntraId?: boolean;
  /** Says what is wrong with a value, as the end of a sentence that begins with the variable's name. */
  check: (value: string) => string | undefined;
  example?: string;
};

const any = (): undefined => undefined;

const longEnough = (value: string): string | undefined =>
  value.length >= 16 ? undefined : `has ${value.length} characters, expected at least 16`;

const oneOf =
  (...allowed: string[]) =>
  (value: string): string | undefined =>
    allowed.includes(value.toLowerCase())
      ? undefined
      : `is ${shown(value)}, expected one of ${allowed.join(', ')}`;

const truth = oneOf('true', 'false', '1', '0', 'yes', 'no', 'on', 'off');

const integer =
  (min: number, max: number) =>
  (value: string): string | undefined =>
    /^\d+$/.test(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `is ${shown(value)}, expected a whole number from ${min} to ${max}`;

const seconds =
  (min: number, max: number) =>
  (value: string): string | undefined =>
    /^\d+(\.\d+)?$/.test(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `is ${shown(value)}, expected seconds from ${min} to ${max}`;

const url = (value: string): string | undefined => {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    return `is no URL (${sizeOf(value)}), expected one that begins with https://`;
  return parsed.username || parsed.password
    ? 'contains a user name or password, expected none in the URL'
    : undefined;
};

const chatEndpoint = (value: string): string | undefined => {
  const fault = url(value);
  if (fault) return fault;
  const path = new URL(value).pathname.replace(/\/+$/, '');
  if (/\/openai\/deployments\/[^/]+$/.test(path) || path.endsWith('/openai/v1')) return undefined;
  const retired = path.endsWith('/models') ? ' (the /models form was retired in August 2026)' : '';
  return `has the path ${shown(path)}${retired}, expected …/openai/deployments/NAME or …/openai/v1/`;
};

const hostname = (value: string): string | undefined =>
  /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d+)?$/.test(value)
    ? undefined
    : `is no host name (${sizeOf(value)}), expected one without a scheme or path`;

const hostOf =
  (port: string) =>
  (value: string): string | undefined =>
    /^([A-Za-z0-9.-]+|[0-9a-fA-F:]+)$/.test(value)
      ? undefined
      : `is no host name (${sizeOf(value)}), expected one alone; the port is ${port}`;

/**
 * Its parts are told by name: a shell that reads it unquoted from a file cuts it at the first semicolon. The client throws for
 * what is wrong here without a code, and knows the names as they are written here only: it would look like an outage.
 */
function connectionString(value: string): string | undefined {
  const parts = new Map<string, string>();
  let isMalformed = false;
  for (const part of value.split(';')) {
    const at = part.indexOf('=');
    const name = part.slice(0, at).trim();
    if (at >= 0 && name !== '') parts.set(name, part.slice(at + 1).trim());
    else isMalformed ||= part.trim() !== '';
  }
  if (!/^sb:\/\/(\[[\da-f:]+\]|[\w.-]+)(:\d{1,5})?(\/|$)/i.test(parts.get('Endpoint') ?? ''))
    return 'has no Endpoint=sb://… part with a host, expected a Service Bus connection string';
  if (isMalformed) return 'has a part without a name and =, expected a whole Service Bus connection string';
  if (parts.get('SharedAccessSignature')) return undefined;
  const missing = ['SharedAccessKeyName', 'SharedAccessKey'].filter((name) => !parts.get(name));
  return missing.length > 0
    ? `has no ${missing.map((part) => `${part}=…`).join(' and no ')} part, expected a whole Service Bus connection string; in a shell it needs quotes`
    : undefined;
}

/** Where a connection string, a URL with a password or a key may have been pasted, no part of it is shown. */
const sizeOf = (value: string): string => `${value.length} characters`;

/** Values are cut, so that a pasted secret or a runaway value does not fill a log. */
function shown(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}

/** The client throws for these before anything is sent, and without a code: it would look like an outage. */
const cosmosName = (value: string): string | undefined => {
  const illegal = /[/\\?#]/.exec(value);
  return illegal
    ? `contains "${illegal[0]}", expected none of / \\ ? # (not allowed in a name of Cosmos DB)`
    : undefined;
};

const portOrOff = (value: string): string | undefined => {
  const fault = value.toLowerCase() === 'off' ? undefined : integer(0, 65_535)(value);
  return fault && `${fault}, or off`;
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
    check: any,
  },
  {
    name: 'SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION',
    description: "the worker's subscription",
    default: 'history-worker-message-completed',
    check: any,
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
    check: any,
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
    check: any,
  },
  {
    name: 'AZURE_AI_API_VERSION',
    description: 'api-version of the …/openai/deployments/NAME form',
    default: '2024-10-21',
    check: any,
  },
  {
    name: 'AZURE_AI_API_KEY',
    description: 'for local work: stands in for Entra ID',
    secret: true,
    standsInForEntraId: true,
    check: any,
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
    check: any,
  },
  { name: 'REDIS_USERNAME', description: 'user that REDIS_PASSWORD belongs to', check: any },
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
  { name: 'AZURE_CLIENT_ID', description: 'client id of a user-assigned managed identity', check: any },
  {
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING',
    description: 'traces, metrics and logs go to Azure Monitor',
    secret: true,
    check: any,
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
    check: any,
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
    check: any,
  },
];

/** The variables of an environment that hold a key in the place of Entra ID. */
export const keysIn = (environment: Readonly<Record<string, string | undefined>>): string[] =>
  settings
    .filter(({ name, standsInForEntraId }) => standsInForEntraId && environment[name]?.trim())
    .map(({ name }) => name);
