import { call } from '../azure/cosmos-container.ts';
import { openQueries } from '../azure/cosmos-queries.ts';
import { makeCredential } from '../azure/credential.ts';
import type { Config } from '../config.ts';
import { CommandFault } from './command-fault.ts';
import { openConfiguredReader } from './configured-reader.ts';
import { isLive } from './erase-history.ts';
import { idsFault } from './ids-fault.ts';
import { plainJson } from './plain-text.ts';
import { print } from './print.ts';
import { conversationLines } from './show-text.ts';

export type ShowOptions = { session: string; user?: string | undefined; json: boolean };

/** Of all the pages of a conversation. */
const READ_DEADLINE_MS = 60_000;

/**
 * Prints a conversation from history, whole. Exit codes: 0; 1 there is none, it was erased, or it is not clear which is meant.
 * @throws CommandFault in the last cases; Failure of Cosmos DB
 */
export async function runShow(config: Config, { session, user, json }: ShowOptions): Promise<number> {
  const fault = idsFault({ sessionId: session, userId: user ?? 'any' });
  if (fault !== undefined) throw new CommandFault('Unclear', `Not shown: ${fault}.`);
  const found = await find(config, session, user);
  const reader = openConfiguredReader(config, makeCredential(config.azureClientId));
  try {
    const ids = { sessionId: session, userId: found.userId };
    const document = await call('the conversation', () => reader.read(ids), READ_DEADLINE_MS);
    if (!document)
      throw new CommandFault(
        'NotFound',
        `Not shown: the conversation ${session} of ${found.userId} is deleted.`,
      );
    await print(json ? [plainJson(document)] : conversationLines(document, process.stdout));
    return 0;
  } finally {
    reader.close();
  }
}

/** Whose it is. @throws CommandFault */
async function find(
  config: Config,
  sessionId: string,
  userId: string | undefined,
): Promise<{ userId: string }> {
  const queries = await openQueries(config, makeCredential(config.azureClientId));
  try {
    const heads = [];
    for await (const page of queries.heads({ sessionId, userId })) heads.push(...page);
    const of = userId === undefined ? '' : ` of ${userId}`;
    const [first, ...others] = heads;
    if (!first)
      throw new CommandFault('NotFound', `Not shown: history has no conversation ${sessionId}${of}.`);
    if (others.length > 0)
      throw new CommandFault(
        'Unclear',
        `Not shown: ${sessionId} is a session of ${heads.length} users: say whose with --user: ${heads.map((head) => head.userId).join(', ')}.`,
      );
    if (!isLive(first))
      throw new CommandFault(
        'NotFound',
        `Not shown: the conversation ${sessionId} of ${first.userId} was erased.`,
      );
    return { userId: first.userId };
  } finally {
    queries.close();
  }
}
