import { startChatCompletions } from '../../emulators/chat-completions/index.ts';

/** The title model's stand-in by itself, where the worker's environment says that it is. */
const chat = await startChatCompletions({
  host: '0.0.0.0',
  port: Number(new URL(process.env.AZURE_AI_CHAT_ENDPOINT!).port),
  apiKey: process.env.AZURE_AI_API_KEY!,
  deployment: process.env.AZURE_AI_CHAT_MODEL!,
});
console.log(`titles at ${chat.v1Url}`);
process.once('SIGTERM', () => void chat.close().then(() => process.exit(0)));
