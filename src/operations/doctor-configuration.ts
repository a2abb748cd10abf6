import type { Config, ConfigError } from '../config.ts';
import { keysIn, settings } from '../settings.ts';
import { type Check, type Finding, failure, ok, warning } from './doctor-check.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const check = (name: string, finding: Finding): Check => ({
  service: 'Configuration',
  name,
  look: async () => finding,
});

/** A line a fault: it begins with the variable that mends it. */
export const faultChecks = ({ faults }: ConfigError): Check[] =>
  faults.map((fault) => {
    const [variable, ...rest] = fault.split(' ');
    return check(variable!, failure(rest.join(' '), `set ${variable}`));
  });

/** What a configuration that is not faulty may still do without, or better. */
export const configurationChecks = (config: Config, environment: Environment): Check[] => [
  check('variables', unknownVariables(environment)),
  check('keys', keysInUse(environment)),
  check('shutdown', shutdown(config)),
];

const OF_OURS = /^(SERVICEBUS|COSMOS|REDIS|AZURE_AI|TITLE)_/;
/** Kubernetes tells of its services by such variables: REDIS_SERVICE_HOST, REDIS_PORT_6379_TCP. */
const OF_KUBERNETES = /_SERVICE_(HOST|PORT)|_PORT_\d/;

/** A misspelt variable that need not be set is noticed by nobody else. */
function unknownVariables(environment: Environment): Finding {
  const known = new Set(settings.map(({ name }) => name));
  const given = Object.keys(environment).filter((name) => environment[name]?.trim());
  const unknown = given.filter((name) => OF_OURS.test(name) && !known.has(name) && !OF_KUBERNETES.test(name));
  const count = given.filter((name) => known.has(name)).length;
  if (unknown.length === 0) return ok(`${count} are set, and none is faulty`);
  return warning(
    `${unknown.join(', ')}: no such variable is read`,
    'docs/configuration.md lists those that are',
  );
}

function keysInUse(environment: Environment): Finding {
  const keys = keysIn(environment);
  if (keys.length === 0) return ok('none: Entra ID is used for everything');
  return warning(`${keys.join(', ')} stand in for Entra ID: for local work only`, `unset ${keys.join(' ')}`);
}

/** What platforms do by themselves after a signal. */
const PLATFORM_GRACE_MS = 30_000;

function shutdown({ shutdownTimeoutMs }: Config): Finding {
  const found = `what is in hand gets ${shutdownTimeoutMs / 1_000} s to be finished`;
  return ok(
    shutdownTimeoutMs > PLATFORM_GRACE_MS
      ? `${found}: the platform's grace period must be 15 s longer`
      : found,
  );
}
