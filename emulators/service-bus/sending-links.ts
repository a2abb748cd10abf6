import type { EventContext } from 'rhea';
import type { Broker, Peer } from './broker.ts';
import { readTransfer } from './messages.ts';
import { Refusal } from './refusal.ts';
import type { ReceiverInternals } from './rhea-internals.ts';

export const MAX_MESSAGE_BYTES = 1_048_576;

/**
 * A link on which a client sends; for the broker, and so for rhea, it is a receiver.
 * @throws Refusal when there is nothing of that name to send to
 */
export function openSendingLink(
  receiver: ReceiverInternals,
  address: string,
  peer: Peer,
  broker: Broker,
): void {
  const destination = broker.namespace.sendTo(address);
  receiver.set_target({ address });
  receiver.set_source({ address: receiver.source?.address ?? '' });
  receiver.local.attach.snd_settle_mode = receiver.snd_settle_mode;
  receiver.on('message', ({ message, delivery }: EventContext) => {
    const bytes = message as unknown as Buffer | undefined;
    try {
      if (!bytes) throw new Refusal('amqp:decode-error', 'Not a message: the transfer is empty.');
      if (bytes.length > MAX_MESSAGE_BYTES)
        throw new Refusal('amqp:link:message-size-exceeded', `The message has ${bytes.length} bytes.`);
      const contents = readTransfer(bytes, delivery!.format);
      // A batch is taken as a whole or not at all.
      for (const content of contents) destination.check(content);
      for (const content of contents) destination.send(content);
      peer.line.push(() => delivery!.accept());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      peer.line.push(() => delivery!.reject({ condition: error.condition, description: error.message }));
    }
  });
}
