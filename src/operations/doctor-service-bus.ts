import type { SubscriptionProperties } from '@azure/service-bus';
import { withDeadline } from '../azure/deadline.ts';
import { lastOf } from '../azure/last-error.ts';
import type { Inspection } from '../azure/service-bus-inspection.ts';
import type { Config } from '../config.ts';
import { age } from './age.ts';
import type { AzCommands } from './az.ts';
import { ANSWER_MS, awayFinding } from './doctor-away.ts';
import { type Check, type Finding, failure, ok, warning } from './doctor-check.ts';
import type { Identity } from './doctor-identity.ts';
import type { Way } from './doctor-network.ts';
import { describeError, seeAbove, troubleOf } from './errors.ts';

const PEEKED_DEAD_LETTERS = 200;
const MANAGE_MS = 8_000;
/** A lock is renewed in good time, but a renewal must have a chance to be late. */
const SHORT_LOCK_MS = 30_000;
/** Each kill, each lost connection costs one; an outage of Redis or Cosmos DB costs none. */
const FEW_DELIVERIES = 10;
const DAY_MS = 86_400_000;

/** Topic, subscription, its settings and rules, and what was set aside. */
export function serviceBusChecks(
  config: Config,
  inspection: Inspection,
  way: Way,
  az: AzCommands,
  identity: Promise<Identity | undefined>,
): Check[] {
  const { topic, subscription, connectionString } = config.serviceBus;
  const service = 'Service Bus';

  /** What is told of an error, whichever call it came from. */
  async function refused(error: unknown): Promise<Finding> {
    const away = await awayFinding(error, { way, ...az.away.serviceBus });
    if (away) return away;
    const { code } = lastOf(error) as { code?: unknown };
    if (code === 'UnauthorizedAccess')
      return connectionString === undefined
        ? failure(
            `the identity may not receive from ${subscription}: it needs Azure Service Bus Data Receiver`,
            az.receiverRole(await identity),
          )
        : failure('the key is refused', `SERVICEBUS_CONNECTION_STRING="$(${az.keys.serviceBus})"`);
    if (code === 'MessagingEntityNotFound')
      return failure(`there is no subscription ${subscription} of ${topic}`, az.createSubscription());
    if (code === 'MessagingEntityDisabled')
      return failure(`${subscription} is disabled`, az.updateSubscription('--status Active'));
    return failure(describeError(error), seeAbove(troubleOf(error), service));
  }
  const check = (name: string, look: () => Promise<Finding>): Check => ({
    service,
    name,
    look: () => withDeadline(ANSWER_MS, name, look).catch(refused),
  });

  return [
    check('topic', async () => {
      try {
        await inspection.attachToTopic();
        return ok(`${topic} is there`);
      } catch (error) {
        const { code } = lastOf(error) as { code?: unknown };
        if (code === 'MessagingEntityNotFound')
          return failure(`there is no topic ${topic}`, az.createTopic());
        if (code === 'MessagingEntityDisabled') return failure(`${topic} is disabled`, az.enableTopic());
        if (code === 'UnauthorizedAccess')
          return ok(`${topic}, which the identity may not send to, and need not`);
        throw error;
      }
    }),
    check('receive', async () => {
      const [oldest] = await inspection.peek(1);
      const sent = oldest?.enqueuedTimeUtc?.getTime();
      const waiting =
        sent === undefined ? 'nothing waits' : `the oldest event waits for ${age(Date.now() - sent)}`;
      return ok(`may receive from ${subscription} (by a peek); ${waiting}`);
    }),
    check('settings', async () => {
      const [session, managed, deadLetters] = await Promise.all([
        inspection.session(),
        manage(inspection),
        inspection.peekDeadLetters(PEEKED_DEAD_LETTERS),
      ]);
      return managed.properties
        ? judge(managed.properties, az)
        : judgeFromOutside(session, deliveriesSeen(deadLetters), managed.why, az);
    }),
    check('rules', async () => {
      const rules = await inspection.rules();
      const expressions = rules.map(({ filter }) =>
        'sqlExpression' in filter ? filter.sqlExpression : undefined,
      );
      if (expressions.every((expression) => expression?.replaceAll(' ', '') === '1=0'))
        return failure('none lets any event through', az.createRule());
      if (expressions.includes('1=1')) return ok('every event of the topic comes through');
      return ok(`only what matches comes through: ${rules.map(({ name }) => name).join(', ')}`);
    }),
    check('dead letters', async () => {
      const { length } = await inspection.peekDeadLetters(PEEKED_DEAD_LETTERS);
      const count = length < PEEKED_DEAD_LETTERS ? String(length) : `${length} or more`;
      return length === 0 ? ok('none') : warning(`${count} lie there`, 'history-worker dead-letters list');
    }),
  ];
}

const STAND_IN = 'a stand-in has no management';

/** What only who may manage sees; why not, otherwise. */
async function manage(
  inspection: Inspection,
): Promise<{ properties?: SubscriptionProperties | undefined; why: string }> {
  try {
    const properties = await inspection.manage(AbortSignal.timeout(MANAGE_MS));
    return { properties, why: properties ? '' : STAND_IN };
  } catch (error) {
    const { statusCode } = error as { statusCode?: number };
    return {
      why:
        statusCode === 401 || statusCode === 403
          ? 'the identity has no right to manage, and needs none'
          : `its management does not answer (${describeError(error)})`,
    };
  }
}

/** Service Bus writes how often it tried into the description of what it gave up. */
function deliveriesSeen(
  deadLetters: readonly { deadLetterReason?: string; deadLetterErrorDescription?: string }[],
) {
  const given = deadLetters.find(({ deadLetterReason }) => deadLetterReason === 'MaxDeliveryCountExceeded');
  const count = /after (\d+) delivery attempts/.exec(given?.deadLetterErrorDescription ?? '')?.[1];
  return count === undefined ? undefined : Number(count);
}

function judge(properties: SubscriptionProperties, az: AzCommands): Finding {
  const { requiresSession, lockDuration, maxDeliveryCount, status, forwardTo } = properties;
  const lockMs = durationMs(lockDuration);
  const found = `${requiresSession ? 'sessions' : 'no sessions'}, locks of ${age(lockMs)}, at most ${maxDeliveryCount} deliveries`;
  if (status !== 'Active')
    return failure(`${found}; it is ${status}`, az.updateSubscription('--status Active'));
  if (forwardTo)
    return failure(`${found}; all is forwarded to ${forwardTo}`, az.updateSubscription('--remove forwardTo'));
  const ttlMs = durationMs(properties.defaultMessageTimeToLive);
  if (ttlMs < DAY_MS && !properties.deadLetteringOnMessageExpiration)
    return warning(
      `${found}; an event that waits for ${age(ttlMs)} is deleted`,
      az.updateSubscription(
        '--default-message-time-to-live P14D --enable-dead-lettering-on-message-expiration true',
      ),
    );
  return judgeLimits(found, lockMs, maxDeliveryCount, az) ?? ok(found);
}

function judgeFromOutside(
  session: { lockMs: number } | undefined,
  deliveries: number | undefined,
  why: string,
  az: AzCommands,
): Finding {
  // The nearest whole second: the answer was on its way for a while.
  const lockMs = session && Math.ceil(session.lockMs / 1_000) * 1_000;
  const known = [
    session ? 'sessions' : 'no sessions',
    ...(lockMs === undefined ? [] : [`locks of ${age(lockMs)}`]),
    ...(deliveries === undefined ? [] : [`at most ${deliveries} deliveries`]),
  ].join(', ');
  const unknown = [
    ...(lockMs === undefined ? ['lock duration'] : []),
    ...(deliveries === undefined ? ['maximum of deliveries'] : []),
  ];
  const bad = judgeLimits(known, lockMs, deliveries, az);
  if (bad) return bad;
  if (unknown.length === 0) return ok(known);
  return ok(
    `${known}; ${unknown.join(' and ')} cannot be seen: ${why}`,
    why === STAND_IN ? undefined : az.showSubscription(),
  );
}

function judgeLimits(
  found: string,
  lockMs: number | undefined,
  deliveries: number | undefined,
  az: AzCommands,
): Finding | undefined {
  if (lockMs !== undefined && lockMs < SHORT_LOCK_MS)
    return warning(`${found}: short locks are lost easily`, az.updateSubscription('--lock-duration PT1M'));
  if (deliveries !== undefined && deliveries < FEW_DELIVERIES)
    return warning(
      `${found}: kills and lost connections use them up`,
      az.updateSubscription('--max-delivery-count 50'),
    );
  return undefined;
}

/** An ISO 8601 duration, as Service Bus writes it. */
function durationMs(text: string): number {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text);
  if (!match) return Number.POSITIVE_INFINITY;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return ((days! * 24 + hours!) * 60 + minutes!) * 60_000 + seconds! * 1_000;
}
