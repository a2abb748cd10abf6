import { expect } from 'vitest';
import type { Event, setTheScene } from './setting.ts';

type Scene = Pick<Awaited<ReturnType<typeof setTheScene>>, 'sender' | 'serviceBus' | 'stack' | 'path'>;

/** Sends events and sets them aside for a reason, as somebody else's worker would. */
export async function setAside(
  { sender, serviceBus, stack, path }: Scene,
  events: unknown[],
  reason = 'ConversationNotFound',
): Promise<void> {
  const [topic, , subscription] = path.split('/');
  const before = stack.serviceBus.counters().entities[path]!.deadLetterCount;
  await sender.sendMessages(
    events.map((body) => ({ body, messageId: `message of ${(body as Event).sessionId}` })),
  );
  const receiver = serviceBus.createReceiver(topic!, subscription!);
  for (let left = events.length; left > 0; ) {
    const messages = await receiver.receiveMessages(Math.min(left, 100));
    for (const message of messages)
      await receiver.deadLetterMessage(message, {
        deadLetterReason: reason,
        deadLetterErrorDescription: `${reason} it was`,
      });
    left -= messages.length;
  }
  await receiver.close();
  await expect
    .poll(() => stack.serviceBus.counters().entities[path]!.deadLetterCount)
    .toBe(before + events.length);
}
