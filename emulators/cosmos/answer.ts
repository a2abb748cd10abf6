import type { IncomingHttpHeaders } from 'node:http';
import type { Identity } from './auth.ts';
import type { Container } from './containers.ts';
import type { FaultOperation } from './faults.ts';
import type { WriteKind } from './operations.ts';

/** A request whose sender is known and whose body has arrived. */
export type CosmosRequest = {
  method: string;
  /** The decoded parts of the path: dbs, id, colls, id, docs, id. */
  segments: string[];
  headers: IncomingHttpHeaders;
  body: string;
  identity: Identity;
  /** Scheme and host as the client reached us. */
  endpoint: string;
  /** Which operation it is, for faults, counters and the budget; all that is not about items is metadata. */
  operation: FaultOperation | 'metadata';
};

/** What is answered, before it becomes HTTP. */
export type Answer = {
  status: number;
  body: string;
  charge: number;
  etag?: string | undefined;
  container?: Container;
  continuation?: string | undefined;
  itemCount?: number;
  /** The writes that this request committed. */
  committed?: WriteKind[];
  /** The statuses of operations that were refused inside a batch. */
  refused?: number[];
};

/** A header of which only one value makes sense. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** True for a header that the client sends as `true` or `True`. */
export function flag(headers: IncomingHttpHeaders, name: string): boolean {
  return header(headers, name)?.toLowerCase() === 'true';
}
