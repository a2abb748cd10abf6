import { type Config, exportsTelemetry, readTelemetryConfig, type TelemetryConfig } from '../config.ts';
import type { Log } from '../pipeline/ports.ts';
import { type OpenTelemetry, openTelemetry } from '../telemetry/open.ts';

export type Telling = {
  telemetry: OpenTelemetry | undefined;
  /** The environment that it was started for, and where its health server is to listen. */
  environment: NodeJS.ProcessEnv;
  health: Config['health'];
  /** The same log, whose lines are told too. */
  alsoTell(log: Log): Log;
  /** Where to look for what is told; undefined: nothing is told to anybody. */
  where: string | undefined;
  /** Sends what is still to be sent. */
  end(): Promise<void>;
};

const FLUSH_MS = 5_000;

/**
 * Starts the telemetry of `dev`: metrics for who asks for them, and what the environment asks for. To be called before the
 * worker and the front end are imported.
 * @throws ConfigError
 */
export async function tellFromDev(given: NodeJS.ProcessEnv): Promise<Telling> {
  // A worker may run beside it.
  const environment = { ...given, HEALTH_PORT: given.HEALTH_PORT?.trim() || '0' };
  const config = readTelemetryConfig(environment);
  const telemetry = await openTelemetry(config, onStderr);
  const also =
    (log: Log, level: keyof Log, severity: string) => (fields: Record<string, unknown>, message: string) => {
      log[level](fields, message);
      telemetry?.sink?.take(level, severity, fields, message);
    };
  return {
    telemetry,
    environment,
    health: config.health,
    alsoTell: (log) => ({
      debug: log.debug,
      info: also(log, 'info', 'INFO'),
      warn: also(log, 'warn', 'WARNING'),
      error: also(log, 'error', 'ERROR'),
    }),
    where: exportsTelemetry(config.telemetry) ? whereToLook(config.telemetry, environment) : undefined,
    end: async () => telemetry?.flush(FLUSH_MS),
  };
}

/** One line, without a key. */
export function whereToLook(
  { azureMonitor, otlp }: TelemetryConfig,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const overOtlp = (['traces', 'metrics', 'logs'] as const)
    .filter((signal) => otlp[signal])
    .map((signal) => {
      const own = environment[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`];
      return `${signal} at ${new URL((own ?? environment.OTEL_EXPORTER_OTLP_ENDPOINT)!).origin}`;
    });
  const ingestion = /IngestionEndpoint=([^;]+)/i.exec(azureMonitor?.connectionString ?? '')?.[1];
  const inAzure = azureMonitor ? [`Azure Monitor (${ingestion ?? 'its Application Insights'})`] : [];
  return `Telemetry: ${[...overOtlp, ...inAzure].join(', ')}. An event is a trace; find it by app.session_id.`;
}

const onStderr: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: ({ code, reason }, message) => console.error(`${code} ${message}: ${reason}`),
  error: ({ code, reason }, message) => console.error(`${code} ${message}: ${reason}`),
};
