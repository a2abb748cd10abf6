import type { RequestOptions } from '@azure/cosmos';
import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import type { HistoryDocument } from '../history/document.ts';
import { messagesOfSegment } from '../history/segment.ts';
import { Failure } from '../pipeline/failures.ts';
import type { HistoryStore, Ids, WriteResult } from '../pipeline/ports.ts';
import { unwatched, type Watch } from '../pipeline/watch.ts';
import { IS_NOT_DELETED, IS_UNTITLED } from './cosmos-conditions.ts';
import { call, openContainer } from './cosmos-container.ts';
import { noted } from './cosmos-facts.ts';

/** Opens history for the worker. Every write is conditional; there is no upsert. @throws Failure as `openContainer` */
export async function openCosmos(
  config: Config,
  credential: TokenCredential,
  watch: Watch = unwatched,
): Promise<HistoryStore> {
  const { container, partitionOf, close } = await openContainer(config, credential, { isPatient: false });
  const item = (ids: Ids, id = ids.sessionId) => container.item(id, partitionOf(ids, id));

  function ask<T>(operation: string, what: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return watch.call('cosmos', operation, (note) => call(what, noted(note, send)));
  }

  function write(
    operation: string,
    what: string,
    send: (signal: AbortSignal) => Promise<{ etag: string }>,
    // 404/0 on a replace or patch: the item was deleted meanwhile; reading again shows what is there.
    conflicts: readonly unknown[] = [409, 412, 404],
  ): Promise<WriteResult> {
    return watch.call('cosmos', operation, (note) =>
      call(what, async (signal) => {
        try {
          const { etag } = await noted(note, send)(signal);
          return { etag };
        } catch (error) {
          const { code, substatus } = error as { code?: unknown; substatus?: unknown };
          if (conflicts.includes(code) && (code !== 404 || Number(substatus ?? 0) === 0)) return 'conflict';
          throw error;
        }
      }),
    );
  }

  return {
    async read(ids) {
      const { resource, etag } = await ask('read', 'a read', async (abortSignal) =>
        orMissing(await item(ids).read({ abortSignal } as RequestOptions)),
      );
      return resource && { item: resource, etag };
    },
    create: (document) =>
      write('create', 'a create', (abortSignal) => container.items.create(document, { abortSignal }), [409]),
    replace: (document, etag) =>
      write('replace', 'a replace', (abortSignal) =>
        item(document).replace<HistoryDocument>(document, {
          abortSignal,
          accessCondition: { type: 'IfMatch', condition: etag },
        }),
      ),
    append: (ids, { messages, ...fields }, etag) =>
      write('append', 'an append', (abortSignal) =>
        item(ids).patch(
          [
            ...messages.map((value) => ({ op: 'add' as const, path: '/messages/-', value })),
            ...Object.entries(fields).map(([field, value]) => ({
              op: 'set' as const,
              path: `/${field}`,
              value,
            })),
          ],
          { abortSignal, accessCondition: { type: 'IfMatch', condition: etag } },
        ),
      ),
    setTitle: (ids, title) =>
      write('patch', 'a title patch', (abortSignal) =>
        item(ids).patch(
          {
            condition: `from c where ${IS_UNTITLED} AND ${IS_NOT_DELETED}`,
            operations: Object.entries(title).map(([field, value]) => ({
              op: 'set' as const,
              path: `/${field}`,
              value,
            })),
          },
          { abortSignal },
        ),
      ),
    createSegment: (segment) =>
      write(
        'create-segment',
        'a segment',
        (abortSignal) => container.items.create(segment, { abortSignal }),
        [409],
      ).then(() => undefined),
    async readSegment(ids, id) {
      const { resource } = await ask('read-segment', 'a segment read', async (abortSignal) =>
        orMissing(await item(ids, id).read({ abortSignal } as RequestOptions)),
      );
      return messagesOfSegment(resource, ids);
    },
    async deleteSegment(ids, id) {
      await write('delete-segment', 'a segment delete', (abortSignal) =>
        item(ids, id).delete({ abortSignal }),
      );
    },
    // A right to write is probed by a conditional replace of an item that does not exist: nothing is changed.
    probe: () =>
      write('probe', 'a probe', (abortSignal) =>
        container
          .item('~probe', '~probe')
          .replace(
            { id: '~probe', userId: '~probe', sessionId: '~probe' },
            { abortSignal, accessCondition: { type: 'IfMatch', condition: '"none"' } },
          ),
      ).then(
        () => undefined,
        (error) => {
          // It answers, if only to ask for patience.
          if (!(error instanceof Failure && error.code === 'StoreThrottled')) throw error;
        },
      ),
    close: async () => close(),
  };
}

/** The client does not throw for a missing container or a replica that lags: both look like a missing item but for the substatus. */
function orMissing<T extends { statusCode: number; substatus?: number; headers: unknown }>(response: T): T {
  const { statusCode: code, substatus, headers } = response;
  if (code === 404 && Number(substatus ?? 0) !== 0)
    throw Object.assign(new Error('more than the item is missing'), { code, substatus, headers });
  return response;
}
