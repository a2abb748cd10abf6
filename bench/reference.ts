import { CosmosClient } from '@azure/cosmos';
import { type ProcessErrorArgs, ServiceBusClient } from '@azure/service-bus';
import { createClient } from '@redis/client';
import OpenAI from 'openai';

/**
 * The demo's algorithm, written as plainly and fairly as it can be: up to MAX_CONCURRENCY events at a time, each with a GET, a
 * title request if Redis has no title, and an unconditional upsert of the whole document; then it is completed. It uses the
 * same official clients, keeps its connections, and lets the client renew locks. With TITLED_ONCE the title is put into Redis, so
 * that the comparison is not won by titles alone. Neither merges, pages, or keeps a user's title: that is what is compared.
 */
const environment = process.env as Record<string, string>;
/** Says so of each event, as the worker does. */
const isTelling = environment.TELL === 'true';
const isTitledOnce = environment.TITLED_ONCE === 'true';

const serviceBus = new ServiceBusClient(environment.SERVICEBUS_CONNECTION_STRING!);
const receiver = serviceBus.createReceiver(
  environment.SERVICEBUS_MESSAGE_COMPLETED_TOPIC!,
  environment.SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION!,
);
const redis = createClient({
  socket: { host: environment.REDIS_HOST!, port: Number(environment.REDIS_PORT) },
  password: environment.REDIS_PASSWORD!,
});
await redis.connect();
const cosmos = new CosmosClient({ endpoint: environment.COSMOS_ENDPOINT!, key: environment.COSMOS_KEY! });
const container = cosmos
  .database(environment.COSMOS_DATABASE_NAME!)
  .container(environment.COSMOS_CONTAINER_NAME!);
const endpoint = environment.AZURE_AI_CHAT_ENDPOINT!;
const model = new OpenAI({
  baseURL: endpoint,
  apiKey: environment.AZURE_AI_API_KEY!,
  defaultHeaders: { 'api-key': environment.AZURE_AI_API_KEY! },
  defaultQuery: { 'api-version': '2024-10-21' },
});

async function titleOf(messages: { role: string; content: string }[]): Promise<string> {
  const beginning = messages.slice(0, 6).map(({ role, content }) => `${role}: ${content.slice(0, 500)}`);
  const answer = await model.chat.completions.create({
    model: 'gpt-4',
    messages: [
      { role: 'system', content: 'Give this conversation a title of 3 to 6 words.' },
      { role: 'user', content: beginning.join('\n') },
    ],
    max_completion_tokens: 25,
  });
  return answer.choices[0]?.message.content ?? 'New Conversation';
}

receiver.subscribe(
  {
    async processMessage(message) {
      const { sessionId } = message.body;
      const key = `session:${sessionId}`;
      const conversation = JSON.parse((await redis.get(key))!);
      if (!conversation.title) {
        conversation.title = await titleOf(conversation.messages);
        if (isTitledOnce) await redis.set(key, JSON.stringify(conversation), { expiration: 'KEEPTTL' });
      }
      await container.items.upsert({
        ...conversation,
        id: sessionId,
        persistedAt: new Date().toISOString(),
      });
      await receiver.completeMessage(message);
      if (isTelling) console.log(JSON.stringify({ messageId: message.messageId }));
    },
    async processError({ error }: ProcessErrorArgs) {
      console.error(error.message);
    },
  },
  { maxConcurrentCalls: Number(environment.MAX_CONCURRENCY), autoCompleteMessages: false },
);
console.log('"receiving"');
process.on('SIGTERM', () => process.exit(0));
