/** The Service Bus client and what it is built on. */
const OF_THE_CLIENT = /[\\/]node_modules[\\/](?:@azure[\\/](?:service-bus|core-amqp)|rhea|rhea-promise)[\\/]/;
/** What runs a callback, and tells nothing of whose it is. */
const OF_NODE = /\(?(?:node:|internal[\\/])/;

/**
 * Whether an error that nobody caught is one of the Service Bus client's own: it leaves promises dangling where a link or
 * session does not close in time (azure-sdk-for-js issues 35342, 39348), and nothing of ours depends on those. It is taken for
 * one only if the client is on its stack and nobody else: an error that passed through our code is ours.
 */
export function isStray(error: unknown): error is Error {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return false;
  const frames = error.stack.split('\n').filter((line) => /^\s+at /.test(line));
  const told = frames.filter((line) => !OF_NODE.test(line) && !/\(?<anonymous>\)?$/.test(line));
  return told.length > 0 && told.every((line) => OF_THE_CLIENT.test(line));
}
