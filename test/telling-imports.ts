import { registerHooks } from 'node:module';

/** To be imported before a program: it then tells on stderr which packages it loads. */
const told = new Set<string>();
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(found.url)?.[1];
    if (name && !told.has(name)) process.stderr.write(`loads ${name}\n`);
    if (name) told.add(name);
    return found;
  },
});
