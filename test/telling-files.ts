import { registerHooks } from 'node:module';

/** To be imported before a program: it then tells on stderr which files of ours it loads. */
registerHooks({
  load(url, context, next) {
    const file = /\/(src\/.*)/.exec(url)?.[1];
    if (file && !url.includes('/node_modules/')) process.stderr.write(`imports ${file}\n`);
    return next(url, context);
  },
});
