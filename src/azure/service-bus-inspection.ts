import { randomUUID } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import type { RuleProperties, ServiceBusReceivedMessage, SubscriptionProperties } from '@azure/service-bus';
import Long from 'long';
import type { Config } from '../config.ts';
import { openAdministration } from './service-bus-administration.ts';
import { openReceiver, subscriptionOf } from './service-bus-client.ts';

/** Looks at the subscription without receiving anything, with the worker's own rights. Each call throws the client's error. */
export type Inspection = {
  /** Messages at the front; a peek needs the right to receive. */
  peek(count: number): Promise<ServiceBusReceivedMessage[]>;
  peekDeadLetters(count: number): Promise<ServiceBusReceivedMessage[]>;
  /** Attaches a link to the topic and sends nothing: where there is no such topic, it is told even to who may not send. */
  attachToTopic(): Promise<void>;
  /**
   * Whether there are sessions: asks for one that nobody uses, and lets it go. Answers how long its lock would last; undefined
   * where there are no sessions.
   */
  session(): Promise<{ lockMs: number } | undefined>;
  rules(): Promise<RuleProperties[]>;
  /** Needs the right to manage, which the worker has not. Undefined for a stand-in, where nobody can be asked. */
  manage(abortSignal: AbortSignal): Promise<SubscriptionProperties | undefined>;
  close(): Promise<void>;
};

/** As the broker says it, unless the client takes the refusal for a session that somebody else has: nobody has one of this id. */
const NO_SESSIONS = /not require sessions?|n't require sessions?|SessionCannotBeLocked/i;

/** Nothing is connected until it is asked for something. */
export function inspectServiceBus(config: Config, credential: TokenCredential): Inspection {
  const entity = subscriptionOf(config, credential);
  const { topic, subscription } = entity;
  const client = entity.connect();
  const receiver = openReceiver(client, entity);
  const ofDeadLetters = openReceiver(client, { ...entity, subQueueType: 'deadLetter' });
  const from = { fromSequenceNumber: Long.ZERO };
  return {
    peek: (count) => client.call(() => receiver.peekMessages(count, from)),
    peekDeadLetters: (count) => client.call(() => ofDeadLetters.peekMessages(count, from)),
    async attachToTopic() {
      await client.call(async (bus) => {
        const sender = bus.createSender(topic);
        await sender.createMessageBatch();
        await sender.close();
      });
    },
    async session() {
      const id = `~doctor-${randomUUID()}`;
      try {
        const session = await client.call((bus) =>
          bus.acceptSession(topic, subscription, id, { maxAutoLockRenewalDurationInMs: 0 }),
        );
        const lockMs = session.sessionLockedUntilUtc.getTime() - Date.now();
        await session.close();
        return { lockMs };
      } catch (error) {
        const { code, message } = error as { code?: unknown; message: string };
        if (NO_SESSIONS.test(`${code} ${message}`)) return undefined;
        throw error;
      }
    },
    async rules() {
      const manager = client.call((bus) => bus.createRuleManager(topic, subscription));
      return client.call(async () => {
        const found: RuleProperties[] = [];
        // Where there are none, the client makes one of nothing.
        for await (const rule of manager.listRules() as AsyncIterable<RuleProperties | undefined>)
          if (rule) found.push(rule);
        return found;
      });
    },
    manage: async (abortSignal) =>
      openAdministration(config, credential)?.getSubscription(topic, subscription, { abortSignal }),
    close: () => client.close(),
  };
}
