import { get } from 'node:http';

/**
 * What the image's health check runs, since the image has no curl: exit 0 if the worker says on its own port that it is
 * alive, 1 if it does not, or not within 3 s. Where the port is off or any free one there is nothing to ask: 0.
 */
const host = process.env.HEALTH_HOST?.trim() || '127.0.0.1';
const port = process.env.HEALTH_PORT?.trim() || '8080';
const everywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function end(code: number, said: string): void {
  console.log(said);
  process.exit(code);
}

if (/^(off|0)$/i.test(port)) end(0, `HEALTH_PORT is ${port}: there is no known port to ask`);

// Not fetch, which refuses many ports.
get(
  { host: everywhere[host] ?? host, port, path: '/livez', signal: AbortSignal.timeout(3_000) },
  ({ statusCode }) => end(statusCode === 200 ? 0 : 1, `/livez answers ${statusCode}`),
).on('error', ({ name, code }: NodeJS.ErrnoException) => end(1, `/livez does not answer: ${code ?? name}`));
