import { ruleFaults } from './config-rules.ts';
import { isTrue } from './setting-checks.ts';
import { type Setting, settings } from './settings.ts';

/** Who the worker is to a service: a managed identity, or a key that stands in for it in local work. */
export type Access = { kind: 'entra' } | { kind: 'key'; key: string };

/** The whole configuration, checked and frozen. Durations are in milliseconds, as their names say. */
export type Config = Readonly<{
  serviceBus: {
    namespace: string | undefined;
    connectionString: string | undefined;
    topic: string;
    subscription: string;
  };
  cosmos: { endpoint: string; access: Access; database: string; container: string };
  redis: { host: string; port: number; tls: boolean; username: string | undefined; access: Access };
  titles: {
    endpoint: string;
    access: Access;
    apiVersion: string;
    model: string | undefined;
    maxConcurrency: number;
    deadlineMs: number;
  };
  maxConcurrency: number;
  maxLockedEvents: number;
  /** A conversation larger than this is stored in pages. */
  pageBytes: number;
  /** Of large conversations in hand. */
  memoryBytes: number;
  turnWaitMs: number;
  shutdownTimeoutMs: number;
  azureClientId: string | undefined;
  logLevel: LogLevel;
  serviceName: string;
  health: {
    host: string;
    /** Undefined: off. 0: any free one. */
    port: number | undefined;
    /** Nobody has asked for this port: another one will do. */
    isAnyPortGood: boolean;
  };
  /** The operator's page on the health port. Undefined: off, and nothing of it is imported. */
  console: { token: string | undefined } | undefined;
  telemetry: TelemetryConfig;
}>;

/** Where telemetry goes. What is absent here is not even imported. */
export type TelemetryConfig = Readonly<{
  azureMonitor: { connectionString: string; liveMetrics: boolean } | undefined;
  /** The exporters themselves read the standard variables. */
  otlp: { traces: boolean; metrics: boolean; logs: boolean };
  /** Whether the title model's spans may hold content of messages. */
  capturesContent: boolean;
}>;

export type LogLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** Every fault of an environment at once; `faults` are sentences that begin with the variable's name. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly code = 'InvalidConfiguration';
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.map((f) => `  - ${f}`).join('\n')}`,
    );
    this.faults = faults;
  }
}

/**
 * So many events are held for each conversation that is worked on, and as many titles asked for at a time: who waits for a title
 * holds its events anyway.
 */
const HELD_PER_CONVERSATION = 4;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Turns environment variables into a Config. Nothing is connected. An empty variable counts as absent, as
 * container platforms often set them so.
 * @throws ConfigError that names every faulty variable at once; it never contains a value that may be secret.
 */
export function readConfig(environment: Environment): Config {
  const { values, faults } = check(settings, environment);
  const text = (name: string) => values.get(name);
  const number = (name: string) => Number(values.get(name) ?? Number.NaN);
  const access = (name: string): Access => {
    const key = text(name);
    return key === undefined ? { kind: 'entra' } : { kind: 'key', key };
  };
  faults.push(...ruleFaults(environment, values));
  if (faults.length > 0) throw new ConfigError(faults);
  const maxConcurrency = number('MAX_CONCURRENCY');
  return deepFreeze({
    serviceBus: {
      namespace: text('SERVICEBUS_FULLY_QUALIFIED_NAMESPACE'),
      connectionString: text('SERVICEBUS_CONNECTION_STRING'),
      topic: text('SERVICEBUS_MESSAGE_COMPLETED_TOPIC')!,
      subscription: text('SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION')!,
    },
    cosmos: {
      endpoint: text('COSMOS_ENDPOINT')!,
      access: access('COSMOS_KEY'),
      database: text('COSMOS_DATABASE_NAME')!,
      container: text('COSMOS_CONTAINER_NAME')!,
    },
    redis: {
      host: text('REDIS_HOST')!,
      port: number('REDIS_PORT'),
      tls: isTrue(text('REDIS_SSL')!),
      username: text('REDIS_USERNAME'),
      access: access('REDIS_PASSWORD'),
    },
    titles: {
      endpoint: text('AZURE_AI_CHAT_ENDPOINT')!,
      access: access('AZURE_AI_API_KEY'),
      apiVersion: text('AZURE_AI_API_VERSION')!,
      model: text('AZURE_AI_CHAT_MODEL'),
      maxConcurrency:
        values.get('TITLE_MAX_CONCURRENCY') === undefined
          ? maxConcurrency * HELD_PER_CONVERSATION
          : number('TITLE_MAX_CONCURRENCY'),
      deadlineMs: number('TITLE_TIMEOUT_SECONDS') * 1000,
    },
    maxConcurrency,
    maxLockedEvents:
      values.get('MAX_LOCKED_EVENTS') === undefined
        ? maxConcurrency * HELD_PER_CONVERSATION
        : number('MAX_LOCKED_EVENTS'),
    pageBytes: number('PAGE_LIMIT_KB') * 1024,
    memoryBytes: number('MEMORY_LIMIT_MB') * 1024 * 1024,
    turnWaitMs: number('TURN_WAIT_SECONDS') * 1000,
    shutdownTimeoutMs: number('SHUTDOWN_TIMEOUT_SECONDS') * 1000,
    azureClientId: text('AZURE_CLIENT_ID'),
    logLevel: text('LOG_LEVEL')!.toUpperCase() as LogLevel,
    serviceName: text('OTEL_SERVICE_NAME')!,
    health: readHealth(text, environment),
    console: isTrue(text('CONSOLE_ENABLED')!) ? { token: text('CONSOLE_TOKEN') } : undefined,
    telemetry: readTelemetry(text),
  });
}

/** What each setting is, and what is wrong with those that are faulty. */
function check(
  some: readonly Setting[],
  environment: Environment,
): { values: Map<string, string | undefined>; faults: string[] } {
  const faults: string[] = [];
  const values = new Map<string, string | undefined>();
  for (const setting of some) {
    const value = environment[setting.name]?.trim() || setting.default;
    const fault = value === undefined ? undefined : setting.check?.(value);
    if (fault) faults.push(`${setting.name} ${fault}`);
    if (value === undefined && setting.required)
      faults.push(`${setting.name} is missing: ${setting.description}`);
    values.set(setting.name, fault ? undefined : value);
  }
  return { values, faults };
}

/** Those of an environment's variables that say where telemetry goes or is asked for, and how. */
export const telemetryVariables = (environment: Environment): Environment =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => /^(OTEL|APPLICATIONINSIGHTS|HEALTH)_/.test(name)),
  );

/** Those that say whether there is a console. */
export const consoleVariables = (environment: Environment): Environment =>
  Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => /^CONSOLE_/.test(name) && value?.trim()),
  );

/** What telemetry needs to know of a configuration. */
export type TelemetryPart = Pick<Config, 'telemetry' | 'serviceName' | 'health'>;

/** The same as in `readConfig`, where the rest is not known yet. @throws ConfigError */
export function readTelemetryConfig(environment: Environment): TelemetryPart {
  const some = settings.filter(({ name }) => telemetryVariables({ [name]: '' })[name] !== undefined);
  const { values, faults } = check(some, environment);
  if (faults.length > 0) throw new ConfigError(faults);
  const text = (name: string) => values.get(name);
  return {
    telemetry: readTelemetry(text),
    serviceName: text('OTEL_SERVICE_NAME')!,
    health: readHealth(text, environment),
  };
}

/** Whether anything is to be exported. */
export const exportsTelemetry = ({ azureMonitor, otlp }: TelemetryConfig): boolean =>
  azureMonitor !== undefined || otlp.traces || otlp.metrics || otlp.logs;

function readHealth(text: (name: string) => string | undefined, environment: Environment): Config['health'] {
  const port = text('HEALTH_PORT')!;
  return {
    host: text('HEALTH_HOST')!,
    port: port.toLowerCase() === 'off' ? undefined : Number(port),
    isAnyPortGood: !environment.HEALTH_PORT?.trim(),
  };
}

function readTelemetry(text: (name: string) => string | undefined): TelemetryConfig {
  const isDisabled = isTrue(text('OTEL_SDK_DISABLED')!);
  const connectionString = text('APPLICATIONINSIGHTS_CONNECTION_STRING');
  const overOtlp = (signal: 'TRACES' | 'METRICS' | 'LOGS'): boolean =>
    !isDisabled &&
    text(`OTEL_${signal}_EXPORTER`)?.toLowerCase() !== 'none' &&
    (text('OTEL_EXPORTER_OTLP_ENDPOINT') ?? text(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`)) !== undefined;
  return {
    azureMonitor:
      connectionString === undefined || isDisabled
        ? undefined
        : { connectionString, liveMetrics: isTrue(text('APPLICATIONINSIGHTS_LIVE_METRICS')!) },
    otlp: { traces: overOtlp('TRACES'), metrics: overOtlp('METRICS'), logs: overOtlp('LOGS') },
    capturesContent: isTrue(text('OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT')!),
  };
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (inner && typeof inner === 'object') deepFreeze(inner);
  return Object.freeze(value);
}
