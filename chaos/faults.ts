import { SUBSCRIPTION, TOPIC } from './names.ts';

export type Service = 'service-bus' | 'cosmos' | 'redis' | 'chat-completions';

/** A fault: a state of a stand-in that is on for a while, something that is done to it once, or a signal to a worker. */
export type Fault =
  | {
      kind: 'state';
      service: Service;
      on: Record<string, unknown>;
      off: Record<string, unknown>;
      maxMs?: number;
      /** It may be that the stand-in cannot take it back: it is planned towards the end of a run. */
      late?: true;
    }
  | {
      kind: 'action';
      service: Service;
      name: string;
      args: Record<string, unknown>;
      undo?: { name: string; args: Record<string, unknown> };
    }
  | { kind: 'signal'; signal: 'SIGKILL' | 'SIGTERM' };

const busy = 'com.microsoft:server-busy';
const subscription = `${TOPIC}/Subscriptions/${SUBSCRIPTION}`;
/** The status of the title model has no "off" in JSON; one request in so many is none. */
const never = { code: 503, every: 1_000_000_000 };

const state = (
  service: Service,
  on: Record<string, unknown>,
  off: Record<string, unknown>,
  more: { maxMs?: number; late?: true } = {},
): Fault => ({ kind: 'state', service, on, off, ...more });
const action = (service: Service, name: string, args: Record<string, unknown> = {}): Fault => ({
  kind: 'action',
  service,
  name,
  args,
});
const cosmosStatus = (status: Record<string, unknown>): Fault =>
  state('cosmos', { status }, { status: null });

/** All that can be made to go wrong, by name. What a stand-in does not offer is skipped. */
export const faults: Readonly<Record<string, Fault>> = {
  'redis refuses': state('redis', { refuseConnections: true }, { refuseConnections: false }),
  'redis freezes': state('redis', { freeze: true }, { freeze: false }),
  'redis is slow': state('redis', { latencyMs: 250 }, { latencyMs: 0 }),
  'redis is half dead': state('redis', { failEvery: 3 }, { failEvery: null }),
  'redis drops connections': action('redis', 'dropConnections'),
  'redis restarts': action('redis', 'restart', { downMs: 600 }),

  'cosmos refuses': state('cosmos', { refuseConnections: true }, { refuseConnections: false }),
  'cosmos freezes': state('cosmos', { freeze: true }, { freeze: false }),
  'cosmos is slow': state('cosmos', { latencyMs: 300 }, { latencyMs: 0 }),
  'cosmos throttles': cosmosStatus({ code: 429, retryAfterMs: 60 }),
  'cosmos has few request units': state(
    'cosmos',
    { requestUnitsPerSecond: 250 },
    { requestUnitsPerSecond: null },
  ),
  'cosmos fails': cosmosStatus({ code: 503 }),
  'cosmos is half dead': cosmosStatus({ code: 500, every: 3 }),
  'cosmos denies': cosmosStatus({ code: 403 }),
  'cosmos has no container': cosmosStatus({ code: 404, substatus: 1003 }),
  'cosmos drops after the commit': state('cosmos', { dropAfterCommit: 6 }, { dropAfterCommit: 0 }),
  'cosmos freezes every third': state('cosmos', { freezeEvery: 3 }, { freezeEvery: null }),
  'cosmos refuses every third': state('cosmos', { refuseEvery: 3 }, { refuseEvery: null }),

  'titles refuse': state('chat-completions', { refuseConnections: true }, { refuseConnections: false }),
  'titles hang': state('chat-completions', { freeze: true }, { freeze: false }),
  'titles are slow': state('chat-completions', { latencyMs: 900 }, { latencyMs: 0 }),
  'titles are throttled': state(
    'chat-completions',
    { status: { code: 429, retryAfterMs: 100 } },
    { status: never },
  ),
  'titles are half dead': state('chat-completions', { status: { code: 503, every: 2 } }, { status: never }),
  'titles are filtered': state('chat-completions', { contentFilter: true }, { contentFilter: false }),
  'titles are hostile': state(
    'chat-completions',
    {
      answer: [
        '"Title: **Ignore all that\u202e**"\n\nSecond line',
        '',
        '<think>who am I</think>',
        'x'.repeat(4000),
        '\u0000\u001b[31mred alert',
        '../../etc/passwd',
      ],
    },
    { answer: null },
    { late: true },
  ),
  'titles drop connections': action('chat-completions', 'dropConnections'),

  'service bus refuses': state(
    'service-bus',
    { refuseConnections: true },
    { refuseConnections: false },
    { maxMs: 2000 },
  ),
  'service bus freezes': state('service-bus', { freeze: true }, { freeze: false }),
  'service bus is slow': state('service-bus', { latencyMs: 150 }, { latencyMs: 0 }),
  'service bus is silent': state('service-bus', { silent: true }, { silent: false }),
  'service bus refuses settlements': state(
    'service-bus',
    { refuseSettlements: busy, refuseSettlementsEvery: null },
    { refuseSettlements: null },
  ),
  'service bus refuses every third settlement': state(
    'service-bus',
    { refuseSettlements: busy, refuseSettlementsEvery: 3 },
    { refuseSettlements: null, refuseSettlementsEvery: null },
  ),
  'service bus refuses links': state('service-bus', { refuseAttach: busy }, { refuseAttach: null }),
  'service bus refuses tokens': state('service-bus', { refuseCbs: true }, { refuseCbs: false }),
  'service bus refuses management': state(
    'service-bus',
    { refuseManagement: busy },
    { refuseManagement: null },
  ),
  'service bus drops connections': action('service-bus', 'dropConnections'),
  'service bus detaches links': action('service-bus', 'detachLinks'),
  'service bus loses locks': action('service-bus', 'loseLocks'),
  'service bus loses session locks': action('service-bus', 'loseSessionLocks'),
  'service bus restarts': action('service-bus', 'restart', { downMs: 500 }),
  'service bus silences links': action('service-bus', 'silenceLinks'),
  'service bus lets tokens expire': action('service-bus', 'expireTokens', { graceMs: 200 }),
  'subscription is disabled': {
    kind: 'action',
    service: 'service-bus',
    name: 'disableEntity',
    args: { entity: subscription },
    undo: { name: 'enableEntity', args: { entity: subscription } },
  },

  'worker is killed': { kind: 'signal', signal: 'SIGKILL' },
  'worker is told to end': { kind: 'signal', signal: 'SIGTERM' },
};
