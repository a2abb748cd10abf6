import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

// To be imported before a command: its file system has no hard links, as one over SMB.
fs.linkSync = () => {
  throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM', syscall: 'link' });
};
syncBuiltinESMExports();
