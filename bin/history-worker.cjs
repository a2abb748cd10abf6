#!/usr/bin/env node
// What `npx history-worker` starts, under whatever Node is there: JavaScript that an old one can read.
'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');
if (!existsSync(join(__dirname, '../dist/src/main.js'))) {
  console.error(
    'This is a checkout, and not the package, which "npm pack" makes: here it is "npx node src/main.ts", with the same commands.',
  );
  process.exit(1);
}
const needed = 24;
const found = process.versions.node;
if (Number(found.split('.')[0]) < needed) {
  console.error(`history-worker needs Node ${needed} or newer; this is ${found} (${process.execPath}).`);
  process.exit(1);
}
import('../dist/src/main.js').catch((error) => {
  console.error(error);
  process.exit(1);
});
