import type { Duplex } from 'node:stream';
import type { ClusterView } from './cluster-node.ts';

/** The server behind the door. The door alone takes connections from outside. */
export type Upstream = {
  kind: 'redis-server' | 'ours';
  connect(): Duplex;
  /** From now on these credentials are good, beside those that are already. */
  allowUser(username: string, password: string): Promise<void>;
  /** They are no longer; what has authenticated with them stays so. */
  forgetUser(username: string, password: string): Promise<void>;
  /** As after a restart without persistence. */
  forgetData(): Promise<void>;
  close(): Promise<void>;
};

export type UpstreamOptions = {
  password: string | undefined;
  /** Connections must authenticate even where there is no password: with tokens. */
  requiresUser: boolean;
  /** Ours only: one of several masters. */
  cluster?: ClusterView | undefined;
};
