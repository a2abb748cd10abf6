import { inspectCosmos } from '../azure/cosmos-inspection.ts';
import { makeCredential } from '../azure/credential.ts';
import { inspectServiceBus } from '../azure/service-bus-inspection.ts';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { EXIT_CONFIGURATION } from '../exit-codes.ts';
import { azCommands } from './az.ts';
import { type Check, type Checked, runCheck } from './doctor-check.ts';
import { clockCheck } from './doctor-clock.ts';
import { configurationChecks, faultChecks } from './doctor-configuration.ts';
import { cosmosChecks } from './doctor-cosmos.ts';
import { findIdentities, identityFinding } from './doctor-identity.ts';
import { targetsOf, wayTo } from './doctor-network.ts';
import { redisChecks } from './doctor-redis.ts';
import { printReport } from './doctor-report.ts';
import { serviceBusChecks } from './doctor-service-bus.ts';
import { titleChecks } from './doctor-titles.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Looks at all that the worker needs, with its own rights, and says what is wrong and how to mend it. Changes nothing and
 * receives nothing. Exit codes: 0 no failure, though perhaps warnings; 1 a failure; 78 the configuration is faulty.
 */
export async function runDoctor(environment: Environment, { json }: { json: boolean }): Promise<number> {
  try {
    const config = readConfig(environment);
    const { checks, close } = examine(config, environment);
    const hasFailed = await printReport(checks, environment, { json });
    await close();
    return hasFailed ? 1 : 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    await printReport(faultChecks(error).map(runCheck), environment, { json });
    return EXIT_CONFIGURATION;
  }
}

/** Begins all checks at once; they end in any order, each within its deadline. */
function examine(
  config: Config,
  environment: Environment,
): { checks: Promise<Checked>[]; close(): Promise<void> } {
  const credential = makeCredential(config.azureClientId);
  const identities = findIdentities(config, credential);
  const identity = identities.then((all) => all.find((one) => one.identity)?.identity);
  const targets = targetsOf(config);
  const az = azCommands(config, {
    serviceBus: targets.serviceBus.host,
    redis: targets.redis.host,
    cosmos: targets.cosmos.host,
    titles: targets.titles.host,
  });
  const ways = {
    serviceBus: wayTo(targets.serviceBus),
    redis: wayTo(targets.redis),
    cosmos: wayTo(targets.cosmos),
    titles: wayTo(targets.titles),
  };
  const bus = inspectServiceBus(config, credential);
  const cosmos = inspectCosmos(config, credential);
  const checks: Check[] = [
    ...configurationChecks(config, environment),
    {
      service: 'Identity',
      name: 'identity',
      look: async () => identityFinding(config, await identities),
    },
    ...ways.serviceBus.checks,
    ...serviceBusChecks(config, bus, ways.serviceBus, az, identity),
    ...ways.redis.checks,
    ...redisChecks(config, credential, ways.redis, az, identity),
    ...ways.cosmos.checks,
    ...cosmosChecks(config, cosmos, ways.cosmos, az, identity),
    ...ways.titles.checks,
    ...titleChecks(config, credential, ways.titles, az, identity),
    clockCheck('Cosmos DB', config.cosmos.endpoint),
    clockCheck('Title model', config.titles.endpoint),
  ];
  return {
    checks: checks.map(runCheck),
    async close() {
      cosmos.close();
      await bus.close();
    },
  };
}
