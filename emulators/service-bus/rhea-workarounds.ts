import type { Session } from 'rhea';
import {
  type ConnectionInternals,
  type LinkInternals,
  message,
  type Outcomes,
  type OutgoingDelivery,
  type SenderInternals,
  type SessionInternals,
} from './rhea-internals.ts';

// rhea 3.0.5 behaves in some ways that a broker cannot live with. Each function here mends one of them.

// A message format that nobody uses: rhea decodes format 0 itself and hands over everything else as bytes.
const RAW_FORMAT = 0x7fffffff;

/** rhea decodes every message of format 0 and loses the number types; makes it hand over the bytes as they came. */
export function keepBytes(session: Session): void {
  const internals = session as SessionInternals;
  const onTransfer = internals.on_transfer;
  internals.on_transfer = function (frame) {
    if (!frame.performative.message_format) frame.performative.message_format = RAW_FORMAT;
    onTransfer.call(this, frame);
  };
}

/**
 * rhea writes the outcomes of consecutive deliveries that come in one turn as one range, and does not compare those of the first two
 * (`write_dispositions` in its session.js): a settlement that was refused would be told as done. Gives it to write at a time only
 * what one range may tell.
 */
export function writeOutcomesApart(session: Session): void {
  const { incoming, outgoing } = session as SessionInternals;
  writeApart(incoming, 'updated');
  writeApart(outgoing, 'pending_dispositions');
}

function writeApart<Noted extends string>(
  side: Outcomes & Record<Noted, OutgoingDelivery[]>,
  noted: Noted,
): void {
  const { update, process } = side;
  const waiting: OutgoingDelivery[] = [];
  side.update = (...args) => {
    const others = side[noted];
    Object.assign(side, { [noted]: waiting });
    update.apply(side, args);
    Object.assign(side, { [noted]: others });
  };
  side.process = (...args) => {
    process.apply(side, args);
    while (waiting.length > 0) {
      const { state } = waiting[0]!;
      const other = waiting.findIndex(
        (delivery, index) => index > 0 && !message.are_outcomes_equivalent(state, delivery.state),
      );
      Object.assign(side, { [noted]: waiting.splice(0, other === -1 ? waiting.length : other) });
      process.apply(side, args);
    }
  };
}

/** rhea tells nobody when the peer's session window opens again; without this, a link stops for good at 2,048. */
export function onSessionFlow(session: Session, run: () => void): void {
  const internals = session as SessionInternals;
  const onFlow = internals.on_flow;
  internals.on_flow = function (frame) {
    onFlow.call(this, frame);
    run();
  };
}

/**
 * rhea's sender answers a drain only while it has credit left; if the last credit was just spent it says nothing, and
 * the client waits 200 ms and closes its link. Answers always.
 */
export function answerEveryDrain(sender: SenderInternals): void {
  sender._get_drain = function () {
    if (!this._draining || !this._drained) return false;
    this.delivery_count += Math.max(0, this.credit);
    this.credit = 0;
    return true;
  };
}

/**
 * How many more messages can go out on this link now. rhea counts credit down only when it writes the frames, throws
 * when its ring of unsettled deliveries is full, and keeps frames back when the peer's window is closed.
 */
export function roomOn(sender: SenderInternals): number {
  const { outgoing } = sender.session;
  const unwritten = outgoing.next_delivery_id - outgoing.next_pending_delivery;
  const room = Math.min(
    sender.credit - unwritten,
    outgoing.deliveries.available(),
    outgoing.transfer_window() - unwritten,
  );
  return Number.isNaN(room) ? 0 : room;
}

/**
 * Settles a delivery. The client never confirms the broker's settlement, and rhea frees a place in its ring of 2,048
 * only when both sides have: without setting remote_settled the link would die silently at message 2,048. It has to be
 * set after update(), which otherwise would not send the disposition.
 */
export function settleDelivery(delivery: OutgoingDelivery, state: unknown): void {
  delivery.update(true, state);
  delivery.remote_settled = true;
}

/** rhea answers an attach by itself on the next tick; takes that back until open() is called. */
export function holdAttachBack(link: LinkInternals): void {
  link.state.local_open = false;
  link.state.open_requests--;
}

/** rhea writes every frame to the socket by itself; holds them back to one write for everything of one turn. */
export function writeTogether(connection: ConnectionInternals): void {
  const process = connection._process;
  connection._process = function () {
    const { socket } = this;
    socket.cork();
    try {
      process.call(this);
    } finally {
      socket.uncork();
    }
  };
}
