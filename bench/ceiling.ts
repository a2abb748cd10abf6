import { ServiceBusClient } from '@azure/service-bus';

/** What the official client can do at most at this concurrency: it receives and completes, and does nothing else. */
const environment = process.env as Record<string, string>;
/** Says so of each event, as the worker does. */
const isTelling = environment.TELL === 'true';
const serviceBus = new ServiceBusClient(environment.SERVICEBUS_CONNECTION_STRING!);
const receiver = serviceBus.createReceiver(
  environment.SERVICEBUS_MESSAGE_COMPLETED_TOPIC!,
  environment.SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION!,
);
receiver.subscribe(
  {
    async processMessage(message) {
      await receiver.completeMessage(message);
      if (isTelling) console.log(JSON.stringify({ messageId: message.messageId }));
    },
    async processError({ error }) {
      console.error(error.message);
    },
  },
  { maxConcurrentCalls: Number(environment.MAX_CONCURRENCY), autoCompleteMessages: false },
);
console.log('"receiving"');
process.on('SIGTERM', () => process.exit(0));
