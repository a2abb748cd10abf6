import { type EntityCounters, noCounts } from './counters.ts';
import type { Entity } from './entity.ts';
import type { Content } from './messages.ts';
import { matchesAny, type Rule } from './rules.ts';
import { Scheduled } from './scheduled.ts';
import { type Clock, makeWakeUp } from './wake-up.ts';

export type Subscription = { readonly entity: Entity; readonly rules: Map<string, Rule> };

/** Hands every message to the subscriptions whose rules let it through. Holds only messages that are not due yet. */
export class Topic {
  readonly path: string;
  readonly subscriptions: Subscription[];
  readonly scheduled = new Scheduled();
  disabled = false;
  counts: EntityCounters = noCounts();
  readonly #clock: Clock;
  readonly #wakeUp: ReturnType<typeof makeWakeUp>;
  #lastSequence = 0;

  constructor(path: string, subscriptions: Subscription[], clock: Clock) {
    this.path = path;
    this.subscriptions = subscriptions;
    this.#clock = clock;
    this.#wakeUp = makeWakeUp(clock, () => {
      for (const { content } of this.scheduled.takeDue(clock.now())) this.#fanOut(content);
      return this.scheduled.nextAt();
    });
  }

  counters(): EntityCounters {
    return { ...this.counts, scheduled: this.scheduled.size };
  }

  resetCounters(): void {
    this.counts = noCounts();
  }

  /** A topic takes every message. */
  check(_content: Content): void {}

  send(content: Content): number {
    this.counts.received++;
    if (content.scheduledFor !== undefined && content.scheduledFor > this.#clock.now())
      return this.schedule(content, content.scheduledFor);
    this.#fanOut(content);
    return ++this.#lastSequence;
  }

  schedule(content: Content, at: number): number {
    const sequence = ++this.#lastSequence;
    this.scheduled.add({ sequence, at, content });
    this.#wakeUp.by(at);
    return sequence;
  }

  stop(): void {
    this.#wakeUp.stop();
  }

  #fanOut(content: Content): void {
    for (const { entity, rules } of this.subscriptions)
      if (matchesAny(rules.values(), content)) entity.enqueueFromTopic(content);
  }
}
