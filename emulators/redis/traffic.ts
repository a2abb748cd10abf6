export type Traffic = {
  commands: Record<string, number>;
  connections: number;
  bytesIn: number;
  bytesOut: number;
  concurrentPeak: number;
};

export type TrafficCounter = {
  connected(): void;
  received(bytes: number): void;
  sent(bytes: number): void;
  started(command: string): void;
  /** `count` commands have had their replies, or never will. */
  finished(count: number): void;
  read(): Traffic;
  reset(): void;
};

/** Names that clients made up are counted as one, so that the table cannot grow without bound. */
const MAX_NAMES = 200;

/** Counts what passes the door. `concurrentPeak`: the most commands that waited for their replies at a time. */
export function makeTrafficCounter(): TrafficCounter {
  let commands = new Map<string, number>();
  let totals = { connections: 0, bytesIn: 0, bytesOut: 0, concurrentPeak: 0 };
  let concurrent = 0;
  return {
    connected() {
      totals.connections += 1;
    },
    received(bytes) {
      totals.bytesIn += bytes;
    },
    sent(bytes) {
      totals.bytesOut += bytes;
    },
    started(command) {
      const name = commands.has(command) || commands.size < MAX_NAMES ? command : 'OTHER';
      commands.set(name, (commands.get(name) ?? 0) + 1);
      concurrent += 1;
      totals.concurrentPeak = Math.max(totals.concurrentPeak, concurrent);
    },
    finished(count) {
      concurrent -= count;
    },
    read: () => ({ ...totals, commands: Object.fromEntries(commands) }),
    reset() {
      commands = new Map();
      totals = { connections: 0, bytesIn: 0, bytesOut: 0, concurrentPeak: concurrent };
    },
  };
}
