import type { Sender } from 'rhea';
import type { Authorize } from './cbs.ts';
import type { DelayLine } from './delay-line.ts';
import type { ServiceBusFaults } from './faults.ts';
import type { InjectedRefusals } from './injected-refusals.ts';
import type { Namespace } from './namespace.ts';
import type { ConnectionInternals } from './rhea-internals.ts';
import type { Tokens } from './tokens.ts';

/** What all connections share. */
export type Broker = {
  readonly namespace: Namespace;
  readonly faults: () => ServiceBusFaults;
  readonly refusals: InjectedRefusals;
  readonly authorize: Authorize;
};

/** A client's connection. */
export type Peer = {
  readonly connection: ConnectionInternals;
  /** Everything that the broker says to this client goes through here, in order. */
  readonly line: DelayLine;
  readonly tokens: Tokens;
  /** The links for replies of $cbs and $management, by the names that requests call them. */
  readonly replyLinks: Map<string, Sender>;
  /** Lets go of a receiving link; true: it was closed in good order. */
  readonly links: Set<(inGoodOrder: boolean) => void>;
};
