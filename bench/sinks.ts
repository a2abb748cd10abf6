import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeCertificate } from '../emulators/certificate.ts';
import { type Decoded, decode, traceRequest } from '../test/otlp-wire.ts';

export type Sink = {
  /** What a worker needs to send there. */
  environment: Record<string, string>;
  /** Spans that have come since the start: less than were made if a queue was full. */
  spans(): number;
  close(): Promise<void>;
};

/** Takes OTLP over HTTP and counts the spans. */
export async function otlpSink(): Promise<Sink> {
  let spans = 0;
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    if (request.url === '/v1/traces') spans += spansIn(decode(body, traceRequest));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  const port = await listen(server);
  return {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
    spans: () => spans,
    close: () => close(server),
  };
}

/** Takes what Application Insights takes, over TLS, and counts requests and dependencies: each is a span. */
export async function trackSink(): Promise<Sink> {
  let spans = 0;
  const { key, cert } = await makeCertificate();
  const folder = mkdtempSync(join(tmpdir(), 'telemetry-cost-'));
  const certificate = join(folder, 'ca.pem');
  writeFileSync(certificate, cert);
  const take: RequestListener = async (request, response) => {
    const text = (await bodyOf(request)).toString();
    spans += text.match(/"baseType":"(?:RequestData|RemoteDependencyData)"/g)?.length ?? 0;
    const items = text.match(/"baseType":/g)?.length ?? 0;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ itemsReceived: items, itemsAccepted: items, errors: [] }));
  };
  const server = createTlsServer({ key, cert }, take);
  const url = `https://localhost:${await listen(server)}`;
  return {
    environment: {
      APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=${url}/;LiveEndpoint=${url}/`,
      // The exporter's reports about itself go to Microsoft.
      APPLICATION_INSIGHTS_NO_STATSBEAT: 'true',
      APPLICATIONINSIGHTS_SDKSTATS_DISABLED: 'true',
      NODE_EXTRA_CA_CERTS: certificate,
    },
    spans: () => spans,
    async close() {
      await close(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

function spansIn(request: Decoded): number {
  const list = (value: unknown): Decoded[] => (value as Decoded[] | undefined) ?? [];
  return list(request.resources)
    .flatMap(({ scopes }) => list(scopes))
    .reduce((sum, { items }) => sum + list(items).length, 0);
}

type Server = ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>;

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
