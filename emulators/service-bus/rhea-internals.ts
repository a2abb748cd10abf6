import type { Connection, Receiver, Sender, Session, Typed } from 'rhea';
import rhea from 'rhea';

// What rhea does at run time and its type declarations leave out. Only what this stand-in uses.

export type OutgoingDelivery = {
  id: number;
  settled: boolean;
  remote_settled: boolean;
  /** What it was settled with here. */
  state?: unknown;
  remote_state: { error?: { condition?: string; info?: Record<string, unknown> } } & Record<string, unknown>;
  update(settled: boolean, state?: unknown): void;
};

/** The deliveries of one direction of a session, and how their outcomes are noted and then written. */
export type Outcomes = {
  update(delivery: OutgoingDelivery, settled: boolean, state?: unknown): void;
  process(...args: unknown[]): void;
};

export type SessionInternals = Session & {
  incoming: Outcomes & { updated: OutgoingDelivery[] };
  outgoing: Outcomes & {
    pending_dispositions: OutgoingDelivery[];
    next_delivery_id: number;
    next_pending_delivery: number;
    deliveries: { available(): number };
    transfer_window(): number;
  };
  on_flow(frame: unknown): void;
  on_transfer(frame: { performative: { message_format?: number } }): void;
};

export type LinkInternals = {
  state: { local_open: boolean; open_requests: number };
  local: { attach: Record<string, unknown> };
};

export type SenderInternals = Sender &
  LinkInternals & {
    session: SessionInternals;
    credit: number;
    delivery_count: number;
    _draining: boolean;
    _drained: boolean;
    _get_drain(): boolean;
  };

export type ReceiverInternals = Receiver & LinkInternals;

export type ConnectionInternals = Connection & {
  accept(socket: unknown): void;
  input(chunk: Buffer): void;
  eof(): void;
  _process(): void;
  _register(): void;
};

type Reader = { read(): Typed & { value: unknown }; remaining(): number; position: number };
type Writer = { write(value: unknown): void; toBuffer(): Buffer };

export const types = rhea.types as typeof rhea.types & {
  Reader: new (bytes: Buffer) => Reader;
  Writer: new () => Writer;
};

type Described = { described(): unknown };
export const message = rhea.message as typeof rhea.message & {
  /** Whether one range may tell both. */
  are_outcomes_equivalent(one: unknown, other: unknown): boolean;
  properties(fields: Record<string, unknown>): Described;
  accepted(): Described;
  rejected(fields: { error?: { condition: string; description: string } }): Described;
  modified(fields: { undeliverable_here: boolean }): Described;
};
