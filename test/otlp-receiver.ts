import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { anyOf, type Decoded, decode, logsRequest, metricsRequest, traceRequest } from './otlp-wire.ts';

export type ReceivedSpan = {
  scope: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  start: bigint;
  end: bigint;
  attributes: Record<string, unknown>;
  events?: { name: string; attributes: Record<string, unknown> }[];
  links?: { traceId: string; spanId: string }[];
  /** Code 2 is an error. */
  status?: { code?: number; message?: string };
  resource: Record<string, unknown>;
};

export type ReceivedRecord = {
  severityText: string;
  body: unknown;
  attributes: Record<string, unknown>;
  traceId?: string;
  spanId?: string;
};

/** A receiver of OTLP over HTTP with protobuf; `gauges` has the last value of each. Closed when the test ends. */
export async function receiveOtlp() {
  const spans: ReceivedSpan[] = [];
  const records: ReceivedRecord[] = [];
  const metrics = new Set<string>();
  const gauges = new Map<string, number>();
  const raw: Buffer[] = [];
  const headers: unknown[] = [];
  const faults = { hang: false, status: 200 };

  function take(path: string, body: Buffer): void {
    if (path === '/v1/traces')
      for (const { item, scope, resource } of itemsOf(decode(body, traceRequest)))
        spans.push({ attributes: {}, ...item, scope, resource } as ReceivedSpan);
    else if (path === '/v1/logs')
      for (const { item } of itemsOf(decode(body, logsRequest)))
        records.push({ attributes: {}, ...item, body: anyOf(item.body as Decoded) } as ReceivedRecord);
    else
      for (const { item } of itemsOf(decode(body, metricsRequest))) {
        metrics.add(String(item.name));
        for (const { double, whole } of ((item.gauge as Decoded | undefined)?.points ?? []) as Decoded[])
          gauges.set(String(item.name), Number(double ?? whole));
      }
  }

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (faults.hang) return;
    const body = Buffer.concat(chunks);
    const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    headers.push(request.headers);
    raw.push(plain);
    if (faults.status === 200) take(request.url!, plain);
    response.writeHead(faults.status, { 'content-type': 'application/x-protobuf' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return { url, spans, records, metrics, gauges, raw, headers, faults, close };
}

function itemsOf(request: Decoded): { item: Decoded; scope: string; resource: Record<string, unknown> }[] {
  const list = (value: unknown): Decoded[] => (value as Decoded[] | undefined) ?? [];
  return list(request.resources).flatMap((resource) =>
    list(resource.scopes).flatMap((scope) =>
      list(scope.items).map((item) => ({
        item,
        scope: String((scope.scope as Decoded | undefined)?.name),
        resource: ((resource.resource as Decoded | undefined)?.attributes ?? {}) as Record<string, unknown>,
      })),
    ),
  );
}
