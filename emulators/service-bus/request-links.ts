import type { EventContext, Receiver, Sender } from 'rhea';
import { pathIn } from './address.ts';
import type { Broker, Peer } from './broker.ts';
import { answerCbs } from './cbs.ts';
import { answerManagement } from './management.ts';
import { Refusal } from './refusal.ts';
import { type Request, readRequest, replyTo } from './requests.ts';

export const CBS = '$cbs';
const MANAGEMENT = /\/\$management$/i;

export const isRequestAddress = (address: string): boolean => address === CBS || MANAGEMENT.test(address);

/** The link on which a client gets the replies of $cbs or of an entity's $management. */
export function openReplyLink(sender: Sender, address: string, peer: Peer, broker: Broker): void {
  if (address !== CBS) broker.namespace.find(address.replace(MANAGEMENT, ''));
  sender.set_source({ address });
  sender.set_target({ address: sender.target?.address ?? '' });
  peer.replyLinks.set(sender.name, sender);
  const forget = (): void => {
    if (peer.replyLinks.get(sender.name) === sender) peer.replyLinks.delete(sender.name);
  };
  sender.on('sender_close', forget);
  sender.session.on('session_close', forget);
}

/** The link on which a client asks $cbs or an entity's $management. */
export function openRequestLink(receiver: Receiver, address: string, peer: Peer, broker: Broker): void {
  receiver.set_target({ address });
  // Python's client gives up a link whose attach is answered without.
  receiver.set_source({ address: receiver.source?.address ?? '' });
  const entity = address === CBS ? undefined : broker.namespace.find(address.replace(MANAGEMENT, ''));
  receiver.on('message', ({ message, delivery }: EventContext) => {
    let request: Request;
    try {
      request = readRequest(message as unknown as Buffer | undefined);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      delivery!.reject({ condition: error.condition, description: error.message });
      return;
    }
    const response = entity
      ? answerManagement(request, entity, broker)
      : answerCbs(request, peer.tokens, broker.authorize, broker.faults().refuseCbs);
    delivery!.accept();
    peer.line.push(() => {
      const link = peer.replyLinks.get(request.replyTo) ?? replyLinkBeside(receiver, address, peer);
      if (!link?.is_open()) return;
      // Sent settled: nobody waits for the client's word about a reply.
      const sent = link.send(replyTo(request, response, entity ? 'management' : 'cbs')) as {
        settled: boolean;
      };
      sent.settled = true;
    });
  });
}

/** Python's client names no link to reply to: it is the one with the same address in the same session. */
function replyLinkBeside(receiver: Receiver, address: string, peer: Peer): Sender | undefined {
  return [...peer.replyLinks.values()].find(
    (link) => link.session === receiver.session && pathIn(link.source?.address) === address,
  );
}
