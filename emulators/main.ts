import { Command, InvalidArgumentError } from 'commander';
import { writeEnvFile } from './env-file.ts';
import { type StackOptions, startStack } from './stack.ts';

const seconds = (text: string): number => {
  if (!/^\d{1,9}(\.\d+)?$/.test(text) || Number(text) === 0)
    throw new InvalidArgumentError('expected seconds above 0');
  return Number(text);
};
const milliseconds = (text: string): number => {
  // Node's timers take no more.
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) >= 2 ** 31)
    throw new InvalidArgumentError('expected milliseconds from 0 to 2147483647');
  return Number(text);
};
const count = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return Number(text);
};
const keyPath = (text: string): string => {
  if (!/^(\/[^/"]+)+$/.test(text)) throw new InvalidArgumentError('expected a path such as /userId');
  return text;
};
const port = (text: string): number => {
  if (!/^\d+$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError('expected a port from 0 to 65535 (0: a free one)');
  return Number(text);
};

const program = new Command('emulators')
  .description(
    'Stand-ins for Service Bus, Cosmos DB, Redis and chat completions, that the official clients talk to.',
  )
  .option(
    '--env-file <path>',
    'also write the NAME=value lines to a file, as Node, Docker and dotenv read them (a shell would need quotes)',
  )
  .option('--service-bus-port <port>', 'AMQP port', port, 0)
  .option('--cosmos-port <port>', 'HTTP port of Cosmos DB', port, 0)
  .option('--redis-port <port>', 'port of Redis', port, 0)
  .option('--chat-port <port>', 'HTTP port of chat completions', port, 0)
  .option('--control-port <port>', 'HTTP port for counters and faults', port, 0)
  .option('--lock-seconds <seconds>', 'lock duration of the subscription', seconds, 60)
  .option('--max-delivery-count <count>', 'deliveries before an event is dead-lettered', count, 10)
  .option('--sessions', 'the subscription requires sessions', false)
  .option('--partition-key <path>', "path of the container's partition key", keyPath, '/userId')
  .option('--service-bus-latency <ms>', 'delay of deliveries and settlements', milliseconds, 0)
  .option('--cosmos-latency <ms>', 'delay of every answer', milliseconds, 0)
  .option('--redis-latency <ms>', 'delay of every answer', milliseconds, 0)
  .option('--chat-latency <ms>', 'delay of every answer', milliseconds, 0)
  .option('--redis <kind>', 'auto, real (redis-server on the PATH) or ours', 'auto')
  .option(
    '--entra <file>',
    'Entra ID over TLS instead of keys; the certificate to trust is written to this file',
  )
  .option('--data <folder>', "keep Cosmos DB's items in this folder (absent: in memory)")
  .showHelpAfterError()
  // Node reads an --env-file of its own anywhere in its arguments up to `--`, so the npm script begins ours with that.
  .parse(process.argv[2] === '--' ? process.argv.toSpliced(2, 1) : process.argv);

const flags = program.opts();
if (!['auto', 'real', 'ours'].includes(flags.redis))
  program.error(`error: --redis is ${flags.redis}, expected auto, real or ours`);

const options: StackOptions = {
  ports: {
    serviceBus: flags.serviceBusPort,
    cosmos: flags.cosmosPort,
    redis: flags.redisPort,
    chat: flags.chatPort,
    control: flags.controlPort,
  },
  latencyMs: {
    serviceBus: flags.serviceBusLatency,
    cosmos: flags.cosmosLatency,
    redis: flags.redisLatency,
    chat: flags.chatLatency,
  },
  lockDurationMs: flags.lockSeconds * 1000,
  maxDeliveryCount: flags.maxDeliveryCount,
  requiresSession: flags.sessions,
  partitionKeyPath: flags.partitionKey,
  redisServer: flags.redis,
  ...(flags.entra ? { entra: { certificateFile: flags.entra } } : {}),
  ...(flags.data ? { dataFolder: flags.data } : {}),
};

// Whoever reads the lines may have enough of them: the stand-ins go on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  const stack = await startStack(options);
  const lines = Object.entries(stack.environment)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
  try {
    const kept = flags.envFile && writeEnvFile(flags.envFile, lines);
    if (kept) console.error(`What ${flags.envFile} held is kept as ${kept}.`);
  } catch (error) {
    await stack.close();
    throw new Error(`with --env-file: ${(error as Error).message}`, { cause: error });
  }
  process.stdout.write(`${lines}ready\n`);
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      void stack.close().then(() => process.exit(0));
    });
} catch (error) {
  console.error(`Could not start ${(error as Error).message}`);
  process.exit(1);
}
