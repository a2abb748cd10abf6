import type { Container } from './containers.ts';
import { asDocument, type Document, type Item, type Items, parse, type Row } from './items.ts';
import { partitionMismatch, partitionOfItem } from './partition-key.ts';
import { applyPatch, readPatch } from './patch.ts';
import { badRequest, notFound, Refusal } from './refusal.ts';
import { readCharge, writeCharge } from './request-units.ts';
import { evaluate } from './sql-evaluate.ts';
import { parseCondition } from './sql-parse.ts';

export type WriteKind = 'create' | 'replace' | 'patch' | 'upsert' | 'delete';
export type Preconditions = { ifMatch?: string | undefined; ifNoneMatch?: string | undefined };
export type Done = { status: number; row: Row | undefined; charge: number; etag: string | undefined };
export type Target = { container: Container; partition: string };
export type Operations = ReturnType<typeof createOperations>;

/** The point operations on items, with their preconditions. Used by single requests and by batches alike. */
export function createOperations(items: Items, isFull: (partition: string) => boolean) {
  const owned = ({ container, partition }: Target, { item }: Document): void => {
    if (partitionOfItem(item, container.partitionKeyPath) !== partition) throw partitionMismatch();
  };
  const room = ({ partition }: Target): void => {
    // 403/1014: the logical partition has reached its 20 GB.
    if (isFull(partition)) throw new Refusal(403, 1014, 'Partition key reached maximum size of 20 GB.');
  };
  const existing = ({ container, partition }: Target, id: string): Row => {
    const row = items.find(container, partition, id);
    if (!row) throw charged(notFound(`item '${id}'`), 1);
    return row;
  };
  const saved = (target: Target, document: Document, old: Row | undefined): Done => {
    const row = items.save(target.container, target.partition, document.item.id as string, document, old);
    return { status: old ? 200 : 201, row, charge: writeCharge(row.bytes), etag: row.etag };
  };

  return {
    read(target: Target, id: string, { ifMatch, ifNoneMatch }: Preconditions): Done {
      if (ifMatch !== undefined) throw badRequest('If-Match of a read is not supported here.');
      const row = existing(target, id);
      if (ifNoneMatch === row.etag) return { status: 304, row: undefined, charge: 1, etag: row.etag };
      return { status: 200, row, charge: readCharge(row.bytes), etag: row.etag };
    },

    create(target: Target, document: Document, { ifMatch, ifNoneMatch }: Preconditions): Done {
      // If-None-Match: * is what every create means.
      if (ifMatch !== undefined || (ifNoneMatch !== undefined && ifNoneMatch !== '*'))
        throw badRequest('If-Match of a create is not supported here, nor any If-None-Match but *.');
      owned(target, document);
      room(target);
      const id = document.item.id as string;
      const old = items.find(target.container, target.partition, id);
      if (old) throw charged(new Refusal(409, 0, `Entity with the specified id already exists: '${id}'.`), 1);
      return saved(target, document, undefined);
    },

    upsert(target: Target, document: Document, { ifMatch, ifNoneMatch }: Preconditions): Done {
      owned(target, document);
      room(target);
      const old = items.find(target.container, target.partition, document.item.id as string);
      if (!old && ifMatch !== undefined) {
        throw badRequest('An upsert with If-Match of an item that does not exist is not supported here.');
      }
      if (old && ifNoneMatch === '*') throw lost(old);
      if (ifNoneMatch !== undefined && ifNoneMatch !== '*')
        throw badRequest('If-None-Match of a write is only *.');
      if (old) match(old, ifMatch);
      return saved(target, document, old);
    },

    replace(target: Target, id: string, document: Document, { ifMatch, ifNoneMatch }: Preconditions): Done {
      if (document.item.id !== id) throw badRequest("The item's id is not the one that is replaced.");
      owned(target, document);
      room(target);
      noneMatchIsForReads(ifNoneMatch);
      const old = existing(target, id);
      match(old, ifMatch);
      return saved(target, document, old);
    },

    patch(target: Target, id: string, sent: unknown, { ifMatch, ifNoneMatch }: Preconditions): Done {
      const { condition, operations } = readPatch(sent, target.container.partitionKeyPath);
      const wanted = condition === undefined ? undefined : parseCondition(condition);
      noneMatchIsForReads(ifNoneMatch);
      room(target);
      const old = existing(target, id);
      match(old, ifMatch);
      if (wanted && evaluate(wanted, parse(target.container, old), new Map()) !== true) throw lost(old);
      const item = JSON.parse(old.body) as Item;
      applyPatch(item, operations);
      return saved(target, asDocument(item), old);
    },

    delete(target: Target, id: string, { ifMatch, ifNoneMatch }: Preconditions): Done {
      noneMatchIsForReads(ifNoneMatch);
      const old = existing(target, id);
      match(old, ifMatch);
      items.remove(old);
      return { status: 204, row: undefined, charge: writeCharge(old.bytes), etag: undefined };
    },
  };
}

function match(row: Row, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== row.etag) throw lost(row);
}

function noneMatchIsForReads(ifNoneMatch: string | undefined): void {
  if (ifNoneMatch !== undefined)
    throw badRequest('If-None-Match of a replace, patch or delete is not supported here.');
}

function lost(row: Row): Refusal {
  const refusal = new Refusal(412, 0, 'One of the specified pre-condition is not met.');
  return charged(refusal, readCharge(row.bytes));
}

function charged(refusal: Refusal, charge: number): Refusal {
  refusal.charge = charge;
  return refusal;
}
