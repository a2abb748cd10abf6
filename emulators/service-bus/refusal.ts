/** What the service answers when it will not do something: an AMQP error condition, and a status for $management. */
export class Refusal extends Error {
  readonly condition: string;
  readonly status: number;

  constructor(condition: string, message: string, status = 400) {
    super(message);
    this.name = 'Refusal';
    this.condition = condition;
    this.status = status;
  }
}

/** The words matter: the client recognises an unknown entity by this text, not only by amqp:not-found. */
export const entityNotFound = (path: string): Refusal =>
  new Refusal('amqp:not-found', `The messaging entity '${path}' could not be found.`, 404);

export const messageLockLost = (): Refusal =>
  new Refusal(
    'com.microsoft:message-lock-lost',
    'The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.',
    410,
  );

/** Without an id where a message's session is no longer known. */
export const sessionLockLost = (id?: string): Refusal =>
  new Refusal(
    'com.microsoft:session-lock-lost',
    `The session lock has expired on the session${id === undefined ? '' : ` '${id}'`}.`,
    410,
  );

export const sessionTaken = (id: string): Refusal =>
  new Refusal(
    'com.microsoft:session-cannot-be-locked',
    `The requested session '${id}' cannot be accepted. It may be locked by another receiver.`,
    409,
  );

export const messageNotFound = (sequence: number): Refusal =>
  new Refusal(
    'com.microsoft:message-not-found',
    `Failed to lock the message with sequence number ${sequence}.`,
    404,
  );
