import { registerHooks } from 'node:module';

/** Imported into a worker process by a test: tells which packages it has loaded, when told to by a signal. */
const packages = new Set<string>();
registerHooks({
  load(url, context, next) {
    const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
    if (name) packages.add(name);
    return next(url, context);
  },
});
process.on('SIGUSR2', () => void process.stdout.write(`${JSON.stringify({ packages: [...packages] })}\n`));
