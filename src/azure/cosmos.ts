import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import type { Message } from '../history/conversation.ts';
import { FALLBACK_TITLE, type HistoryDocument } from '../history/document.ts';
import { Failure } from '../pipeline/failures.ts';
import type { HistoryStore, Ids } from '../pipeline/ports.ts';
import { type HistoryContainer, openContainer, write } from './cosmos-container.ts';

/**
 * Opens history for reading and writing. Every write is conditional; there is no upsert.
 * @throws Failure StoreMisconfigured, see `openContainer`
 */
export async function openCosmos(config: Config, credential: TokenCredential): Promise<HistoryStore> {
  return makeStore(await openContainer(config.cosmos, credential));
}

function makeStore({ container, partitionOf, read, dispose }: HistoryContainer): HistoryStore {
  const item = (ids: Ids) => container.item(ids.sessionId, partitionOf(ids));
  return {
    read: (ids) => read(ids, ids.sessionId),
    create: (document) =>
      write('a create', (abortSignal) => container.items.create(document, { abortSignal }), [409]),
    replace: (document, etag) =>
      write('a replace', (abortSignal) =>
        item(document).replace<HistoryDocument>(document, {
          abortSignal,
          accessCondition: { type: 'IfMatch', condition: etag },
        }),
      ),
    setTitle: (ids, title) =>
      write('a title patch', (abortSignal) =>
        item(ids).patch(
          {
            // The same as `isUntitled` and `readDocument`: what those take for none must not be a conflict here for ever.
            condition: `from c where (NOT IS_STRING(c.title) OR c.title = '' OR c.title = '${FALLBACK_TITLE}') AND (NOT IS_STRING(c.deletedAt) OR c.deletedAt = '')`,
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
      write('a segment', (abortSignal) => container.items.create(segment, { abortSignal }), [409]),
    readSegment: async (ids, id) => {
      const found = await read(ids, id);
      return (found?.item as { messages?: Message[] } | undefined)?.messages;
    },
    deleteSegment: (ids, id) =>
      write('a segment delete', (abortSignal) =>
        container.item(id, partitionOf(ids)).delete({ abortSignal }),
      ).then(() => undefined),
    // A right to write is probed by a conditional replace of an item that does not exist: nothing is changed.
    probe: () =>
      write('a probe', (abortSignal) =>
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
    close: async () => dispose(),
  };
}
