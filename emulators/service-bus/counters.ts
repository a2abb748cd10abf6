/** What happened at an entity since the start or the last reset, and what lies there now. */
export type EntityCounters = {
  /** Messages that clients sent to this path (a topic's subscriptions receive none themselves). */
  received: number;
  /** Messages that became available to receivers here. */
  sent: number;
  delivered: number;
  completed: number;
  abandoned: number;
  deferred: number;
  deadLettered: number;
  /** Messages whose time to live ran out. */
  expired: number;
  expiredLocks: number;
  renewals: number;
  /** Deliveries of a message that had been delivered before. */
  redelivered: number;
  /** The most messages that were locked at once. */
  peakLocked: number;
  active: number;
  locked: number;
  scheduled: number;
  deadLetterCount: number;
};

export type ServiceBusCounters = {
  entities: Record<string, EntityCounters>;
  totals: EntityCounters;
  connections: { open: number; accepted: number; protocolErrors: number };
};

export const noCounts = (): EntityCounters => ({
  received: 0,
  sent: 0,
  delivered: 0,
  completed: 0,
  abandoned: 0,
  deferred: 0,
  deadLettered: 0,
  expired: 0,
  expiredLocks: 0,
  renewals: 0,
  redelivered: 0,
  peakLocked: 0,
  active: 0,
  locked: 0,
  scheduled: 0,
  deadLetterCount: 0,
});

/** The sums over all entities (of peakLocked the highest: peaks at different times add up to nothing). */
export function totalOf(entities: Record<string, EntityCounters>): EntityCounters {
  const totals = noCounts();
  for (const counts of Object.values(entities))
    for (const name of Object.keys(totals) as (keyof EntityCounters)[])
      totals[name] =
        name === 'peakLocked' ? Math.max(totals[name], counts[name]) : totals[name] + counts[name];
  return totals;
}
