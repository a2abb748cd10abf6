import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { makeCertificate } from '../emulators/certificate.ts';

export type Envelope = {
  name: string;
  time: string;
  sampleRate?: number;
  tags: Record<string, string>;
  data: {
    baseType: string;
    baseData: { name?: string; properties?: Record<string, string> } & Record<string, unknown>;
  };
};

/**
 * Application Insights' ingestion, over TLS, as the exporter speaks to nothing else. `environment` has what a worker needs to send
 * there, and keeps it from telling Microsoft about itself. Closed when the test ends.
 */
export async function receiveTrack() {
  const envelopes: Envelope[] = [];
  const raw: string[] = [];
  const paths = new Set<string>();
  const faults = { hang: false, status: 200 };
  const { key, cert } = await makeCertificate('track');
  const folder = mkdtempSync(join(tmpdir(), 'track-'));
  writeFileSync(join(folder, 'ca.pem'), cert);

  const server = createServer({ key, cert }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    paths.add(request.url!.split('?')[0]!);
    if (faults.hang) return;
    const body = Buffer.concat(chunks);
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
    raw.push(text);
    response.setHeader('content-type', 'application/json');
    if (faults.status !== 200) return response.writeHead(faults.status).end('{}');
    const items = request.url!.startsWith('/v2.1/track') ? envelopesIn(text) : [];
    envelopes.push(...items);
    response.end(JSON.stringify({ itemsReceived: items.length, itemsAccepted: items.length, errors: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    envelopes,
    raw,
    paths,
    faults,
    close,
    of: (baseType: string) => envelopes.filter(({ data }) => data.baseType === baseType),
    environment: {
      APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=${url}/;LiveEndpoint=${url}/`,
      APPLICATION_INSIGHTS_NO_STATSBEAT: 'true',
      APPLICATIONINSIGHTS_SDKSTATS_DISABLED: 'true',
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
      // Where the exporter keeps what it could not send.
      TMPDIR: folder,
    },
  };
}

/** An array, or a line for each. */
function envelopesIn(text: string): Envelope[] {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) return JSON.parse(trimmed) as Envelope[];
  return trimmed.split('\n').map((line) => JSON.parse(line) as Envelope);
}
