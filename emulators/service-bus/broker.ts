import type { Sender } from 'rhea';
import type { Authorize } from './cbs.ts';
import type { DelayLine } from './delay-line.ts';
import type { ServiceBusFaults } from './faults.ts';
import type { Namespace } from './namespace.ts';
import type { ConnectionInternals } from './rhea-internals.ts';

/** What all connections share. */
export type Broker = {
  readonly namespace: Namespace;
  readonly faults: () => ServiceBusFaults;
  readonly authorize: Authorize;
};

/** A client's connection. */
export type Peer = {
  readonly connection: ConnectionInternals;
  /** Everything that the broker says to this client goes through here, in order. */
  readonly line: DelayLine;
  /** The links for replies of $cbs and $management, by the names that requests call them. */
  readonly replyLinks: Map<string, Sender>;
  /** Lets go of a receiving link; true: it was closed in good order. */
  readonly links: Set<(inGoodOrder: boolean) => void>;
};
