import { acceptSession, askedSession } from './accept-session.ts';
import type { Broker, Peer } from './broker.ts';
import { encodeDelivery } from './encode-delivery.ts';
import type { Entity } from './entity.ts';
import { Refusal } from './refusal.ts';
import { message as amqpMessage, type OutgoingDelivery, type SenderInternals } from './rhea-internals.ts';
import { answerEveryDrain, onSessionFlow, roomOn, settleDelivery } from './rhea-workarounds.ts';
import type { Consumer, Lock, Outcome } from './stored.ts';

const rejected = (condition: string, description: string) =>
  amqpMessage.rejected({ error: { condition, description } }).described();

/**
 * A link on which a client receives; for the broker, and so for rhea, it is a sender.
 * @throws Refusal when there is no such entity or the link does not suit it
 */
export function openReceivingLink(
  sender: SenderInternals,
  address: string,
  peer: Peer,
  broker: Broker,
): Consumer {
  const entity = broker.namespace.receiveFrom(address);
  const asked = askedSession(sender);
  if (entity.settings.requiresSession && !asked)
    throw new Refusal(
      'amqp:not-allowed',
      `'${entity.path}' requires sessions: a receiver has to accept one.`,
    );
  if (!entity.settings.requiresSession && asked)
    throw new Refusal(
      'amqp:not-allowed',
      `'${entity.path}' does not require sessions: a receiver cannot accept one.`,
    );
  const link = makeLink(sender, entity, peer, broker);
  const attach = sender.local.attach;
  // The client takes the modes of the reply for what it asked for; they must be mirrored.
  attach.snd_settle_mode = sender.snd_settle_mode;
  attach.rcv_settle_mode = sender.rcv_settle_mode;
  sender.set_target({ address: sender.target?.address ?? '' });
  // As it was sent, URL or not: Python's client knows its session by that.
  const source = String(sender.source?.address ?? address);
  if (asked) link.onEnd(acceptSession(sender, asked, source, entity, link.consumer));
  else sender.set_source({ address: source });
  return link.consumer;
}

function makeLink(sender: SenderInternals, entity: Entity, peer: Peer, broker: Broker) {
  const { line } = peer;
  const held = new Map<number, Lock>();
  let onTheWay = 0;
  let open = true;
  let isSilent = false;
  let whenEnded = (): void => {};
  const consumer: Consumer = {
    mode: sender.snd_settle_mode === 1 ? 'receiveAndDelete' : 'peekLock',
    room: () => (open && !isSilent ? roomOn(sender) - onTheWay : 0),
    deliver(message, lock) {
      onTheWay++;
      line.push(() => {
        onTheWay--;
        // A message for a link that closed meanwhile stays locked until its lock expires, as in the service.
        if (!open) return;
        const delivery = sender.send(encodeDelivery(message, lock?.until), lock?.tag, 0);
        if (lock) held.set(delivery.id, lock);
      });
    },
    silence() {
      // A link whose attach is still held back has nothing to fall silent about.
      isSilent ||= sender.is_open();
      return isSilent;
    },
    detach(condition, description) {
      if (!open) return;
      line.push(() => {
        // What waits for a session has not been answered yet, and an error is only heard on an open link.
        if (!sender.is_open() && !sender.is_closed()) sender.open();
        sender.close({ condition, description });
      });
      leave(true);
    },
  };
  const leave = (inGoodOrder: boolean): void => {
    if (!open) return;
    open = false;
    // What is held stays settleable: a disposition may have crossed our detach, and its lock is still good.
    peer.links.delete(leave);
    // First of all: a waiter that is gone must not be offered the session that it lets go of.
    whenEnded();
    entity.leave(consumer, inGoodOrder);
  };
  const settle = (delivery: OutgoingDelivery, outcome: Outcome): void => {
    const lock = held.get(delivery.id);
    held.delete(delivery.id);
    const refusal = broker.refusals.ofSettlement() ?? entity.settlement.settle(lock?.key, outcome);
    line.push(() =>
      settleDelivery(delivery, refusal ? rejected(refusal.condition, refusal.message) : confirmed(outcome)),
    );
    // The settlement has freed a place in rhea's ring of deliveries, which the link may have waited for.
    line.push(() => entity.delivery.ready(consumer));
  };
  listen(sender, settle);
  answerEveryDrain(sender);
  sender.on('sender_flow', () => entity.delivery.ready(consumer));
  onSessionFlow(sender.session, () => open && entity.delivery.ready(consumer));
  sender.on('sender_draining', () => {
    entity.delivery.ready(consumer);
    line.push(() => {
      sender.set_drained(true);
      peer.connection._register();
    });
  });
  sender.on('sender_close', () => leave(true));
  sender.session.on('session_close', () => leave(true));
  peer.links.add(leave);
  entity.consumers.add(consumer);
  return {
    consumer,
    onEnd(run: () => void): void {
      whenEnded = run;
    },
  };
}

/** The outcome that was asked for, as the service answers it: Python's client (7.15) takes any other for a failure. */
function confirmed({ kind }: Outcome): unknown {
  switch (kind) {
    case 'complete':
      return amqpMessage.accepted().described();
    case 'deadLetter':
      // With an error in it, it would be a refusal.
      return amqpMessage.rejected({}).described();
    default:
      return amqpMessage.modified({ undeliverable_here: kind === 'defer' }).described();
  }
}

/** What the client decided about a message, from the outcome in its disposition. */
function listen(
  sender: SenderInternals,
  settle: (delivery: OutgoingDelivery, outcome: Outcome) => void,
): void {
  const on = (event: string, outcome: (delivery: OutgoingDelivery) => Outcome): void => {
    sender.on(event, (context: { delivery: OutgoingDelivery }) =>
      settle(context.delivery, outcome(context.delivery)),
    );
  };
  on('accepted', () => ({ kind: 'complete' }));
  on('released', () => ({ kind: 'abandon' }));
  on('modified', ({ remote_state }) => ({
    kind: remote_state.undeliverable_here ? 'defer' : 'abandon',
    properties: (remote_state.message_annotations ?? {}) as Record<string, unknown>,
  }));
  on('rejected', ({ remote_state }) => {
    const { DeadLetterReason, DeadLetterErrorDescription, ...properties } = remote_state.error?.info ?? {};
    return {
      kind: 'deadLetter',
      properties,
      ...(DeadLetterReason == null ? {} : { reason: String(DeadLetterReason) }),
      ...(DeadLetterErrorDescription == null ? {} : { description: String(DeadLetterErrorDescription) }),
    };
  });
}
