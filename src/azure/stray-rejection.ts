import { withoutTokens } from './quoted-tokens.ts';

/** The Service Bus client and what it is built on. */
const OF_THE_CLIENT = /[\\/]node_modules[\\/](?:@azure[\\/](?:service-bus|core-amqp)|rhea|rhea-promise)[\\/]/;
/** What runs a callback, and tells nothing of whose it is. */
const OF_NODE = /\(?(?:node:|internal[\\/])/;

/** AMQP's conditions and Service Bus's own: a link that the broker closed with one rejects with it as it came over the wire, no error at all. */
const CONDITION = /^(?:amqp|com\.microsoft):/;

/**
 * What an error says that nobody caught and that is one of the Service Bus client's own; undefined for any other. The client
 * leaves promises dangling where a link or session does not close in time (azure-sdk-for-js issues 35342, 39348), and nothing
 * of ours depends on those. It is taken for one only if the client is on its stack and nobody else (an error that passed through
 * our code is ours), or if it is a bare condition of AMQP, which nothing of ours throws.
 */
export function strayReason(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if (!(error instanceof Error)) {
    const condition = String((error as { condition?: unknown }).condition);
    return CONDITION.test(condition) ? condition : undefined;
  }
  const frames = String(error.stack)
    .split('\n')
    .filter((line) => /^\s+at /.test(line));
  const told = frames.filter((line) => !OF_NODE.test(line) && !/\(?<anonymous>\)?$/.test(line));
  return told.length > 0 && told.every((line) => OF_THE_CLIENT.test(line))
    ? withoutTokens(error.message)
    : undefined;
}
