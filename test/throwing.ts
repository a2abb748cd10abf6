/** Imported into a worker process by a test: throws, when told to by a signal, what nobody catches. */
const frames = {
  stray: '    at Timeout.afterTimeout (/app/node_modules/rhea-promise/dist/lib/session.js:190:28)',
  own: '    at persist (file:///app/src/pipeline/persist.ts:1:1)',
};

function makeError(kind: keyof typeof frames): Error {
  const error = new Error(`${kind} error`);
  error.stack = `Error: ${kind} error\n${frames[kind]}`;
  return error;
}

process.on('SIGUSR2', () => void Promise.reject(makeError('stray')));
process.on('SIGHUP', () => void Promise.reject(makeError('own')));
