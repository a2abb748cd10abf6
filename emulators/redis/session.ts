import type { ClusterView } from './cluster-node.ts';
import type { Keyspace } from './keyspace.ts';
import type { Reply } from './reply.ts';

/** What one connection has told about itself. */
export type Session = {
  id: number;
  protocol: 2 | 3;
  user: string | undefined;
  name: string;
  isQuitting: boolean;
  /** What was said since MULTI; spoilt by a command that cannot be. */
  queue: { runs: (() => Reply)[]; isSpoilt: boolean } | undefined;
};

export type Access = {
  /** Whether a connection has to authenticate before it may do anything else. */
  isRequired: boolean;
  hasPassword: boolean;
  /** Whether these credentials are good. */
  check(username: string, password: string): boolean;
};

export type Context = {
  keyspace: Keyspace;
  session: Session;
  access: Access;
  clients(): number;
  /** Tells one process from another: cursors and client ids begin anew with each. */
  runId: string;
  /** Absent: a single node. */
  cluster?: ClusterView | undefined;
};

/** `arity` as redis-server counts: with the command's name; negative: at least that many. */
export type Command = { arity: number; run(args: Buffer[], context: Context): Reply };
