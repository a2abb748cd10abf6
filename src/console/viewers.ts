import type { ServerResponse } from 'node:http';

export type Viewers = {
  /** Begins a stream of events; false: there are as many as there may be. */
  add(response: ServerResponse, isLetIn: () => boolean, first: readonly Told[]): boolean;
  tell(...told: Told[]): void;
  readonly count: number;
  /** Ends all streams. */
  close(): void;
};

export type Told = { event: string; data: unknown };

type Viewer = { isLetIn: () => boolean; late: number };

/** A viewer who has not taken what was sent so many times ago, or leaves so much waiting, is dropped. */
const MAX_LATE = 10;
const MAX_WAITING_BYTES = 1024 * 1024;
/** When the browser tries again, should the stream break. */
const RETRY_MS = 2_000;

/** Those who look on, by server-sent events. Nothing waits for any of them. */
export function makeViewers(max: number): Viewers {
  const viewers = new Map<ServerResponse, Viewer>();

  function send(response: ServerResponse, viewer: Viewer, text: string): void {
    if (!viewer.isLetIn()) return void response.end();
    viewer.late = response.writableLength > 0 ? viewer.late + 1 : 0;
    if (viewer.late > MAX_LATE || response.writableLength > MAX_WAITING_BYTES) response.destroy();
    else response.write(text);
  }

  return {
    add(response, isLetIn, first) {
      if (viewers.size >= max) return false;
      const viewer = { isLetIn, late: 0 };
      viewers.set(response, viewer);
      response.on('close', () => viewers.delete(response));
      response.on('error', () => undefined);
      // It is quiet for as long as nothing happens.
      response.req.socket.setTimeout(0);
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', connection: 'close' });
      send(response, viewer, `retry: ${RETRY_MS}\n\n${first.map(written).join('')}`);
      return true;
    },
    tell(...told) {
      if (viewers.size === 0) return;
      const text = told.map(written).join('');
      for (const [response, viewer] of viewers) send(response, viewer, text);
    },
    get count() {
      return viewers.size;
    },
    close() {
      for (const response of viewers.keys()) response.end();
    },
  };
}

/** JSON has no line break of its own. */
const written = ({ event, data }: Told): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
