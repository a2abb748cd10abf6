import { Entity } from './entity.ts';
import type { EntitySettings } from './entity-state.ts';
import { entityNotFound, Refusal } from './refusal.ts';
import { defaultRule, type Rule, ruleSchema } from './rules.ts';
import { type Subscription, Topic } from './topic.ts';
import type { Clock } from './wake-up.ts';

export type SubscriptionOptions = {
  name: string;
  requiresSession?: boolean;
  lockDurationMs?: number;
  maxDeliveryCount?: number;
  defaultTtlMs?: number;
  /** Default: one rule that lets everything through. */
  rules?: Rule[];
};

export type EntityOptions = {
  topics?: { name: string; subscriptions: SubscriptionOptions[] }[];
  queues?: SubscriptionOptions[];
  lockDurationMs?: number;
  maxDeliveryCount?: number;
};

const DEAD_LETTERS = '/$DeadLetterQueue';

/** The queues, topics and subscriptions by address. The service compares addresses without regard to case. */
export class Namespace {
  readonly #entities = new Map<string, Entity>();
  readonly #topics = new Map<string, Topic>();
  readonly #subscriptions = new Map<Entity, Subscription>();

  constructor(options: EntityOptions, clock: Clock, mayDeliver: () => boolean) {
    const add = (path: string, given: SubscriptionOptions): Entity => {
      const settings: EntitySettings = {
        path,
        requiresSession: given.requiresSession ?? false,
        lockDurationMs: given.lockDurationMs ?? options.lockDurationMs ?? 60_000,
        maxDeliveryCount: given.maxDeliveryCount ?? options.maxDeliveryCount ?? 10,
        defaultTtlMs: given.defaultTtlMs ?? Number.POSITIVE_INFINITY,
      };
      const deadLetters = new Entity(
        {
          ...settings,
          path: path + DEAD_LETTERS,
          requiresSession: false,
          maxDeliveryCount: Number.POSITIVE_INFINITY,
          defaultTtlMs: Number.POSITIVE_INFINITY,
        },
        clock,
        mayDeliver,
      );
      const entity = new Entity(settings, clock, mayDeliver, deadLetters);
      this.#put(entity);
      this.#put(deadLetters);
      return entity;
    };
    for (const queue of options.queues ?? []) add(queue.name, queue);
    for (const { name, subscriptions } of options.topics ?? []) {
      const made = subscriptions.map((given): Subscription => {
        const rules = (given.rules ?? [defaultRule]).map((rule) => ruleSchema.parse(rule));
        const entity = add(`${name}/Subscriptions/${given.name}`, given);
        const subscription = { entity, rules: new Map(rules.map((rule) => [rule.name, rule])) };
        this.#subscriptions.set(entity, subscription);
        return subscription;
      });
      this.#topics.set(name.toLowerCase(), new Topic(name, made, clock));
    }
  }

  /** @throws Refusal when there is none, or it is disabled */
  receiveFrom(address: string): Entity {
    const entity = this.#entities.get(plain(address));
    if (!entity) throw entityNotFound(address);
    return enabled(entity);
  }

  /** @throws Refusal when there is none, it is disabled, or it takes no messages from clients */
  sendTo(address: string): Entity | Topic {
    const path = plain(address);
    const destination = this.#topics.get(path) ?? this.#entities.get(path);
    if (!destination) throw entityNotFound(address);
    if (destination instanceof Entity && (this.#subscriptions.has(destination) || !destination.deadLetters))
      throw new Refusal('amqp:not-allowed', `Messages cannot be sent to '${destination.path}'.`);
    return enabled(destination);
  }

  /** @throws Refusal when there is none */
  find(address: string): Entity | Topic {
    const found = this.#topics.get(plain(address)) ?? this.#entities.get(plain(address));
    if (!found) throw entityNotFound(address);
    return found;
  }

  rulesOf(entity: Entity): Map<string, Rule> {
    const rules = this.#subscriptions.get(entity)?.rules;
    if (!rules)
      throw new Refusal('amqp:not-allowed', `'${entity.path}' is not a subscription and has no rules.`);
    return rules;
  }

  entities(): Entity[] {
    return [...this.#entities.values()];
  }

  all(): (Entity | Topic)[] {
    return [...this.#topics.values(), ...this.#entities.values()];
  }

  #put(entity: Entity): void {
    const path = entity.path.toLowerCase();
    if (this.#entities.has(path)) throw new Error(`There is more than one entity called ${entity.path}`);
    this.#entities.set(path, entity);
  }
}

const plain = (address: string): string => address.replace(/^\//, '').toLowerCase();

function enabled<E extends Entity | Topic>(entity: E): E {
  if (entity.disabled)
    throw new Refusal(
      'com.microsoft:entity-disabled',
      `The messaging entity '${entity.path}' is disabled.`,
      403,
    );
  return entity;
}
