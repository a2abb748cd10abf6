import { expect, test } from 'vitest';
import { strayReason } from './stray-rejection.ts';

const NODE = '    at listOnTimeout (node:internal/timers:605:17)';
const RHEA = '    at Timeout.afterTimeout (/app/node_modules/rhea-promise/dist/lib/session.js:190:28)';
const AMQP = '    at async CbsClient.close (/app/node_modules/@azure/core-amqp/dist/commonjs/cbs.js:241:17)';
const CLIENT =
  '    at async Object.close (file:///app/node_modules/@azure/service-bus/dist/index.js:4461:17)';
const NESTED =
  '    at Session.close (C:\\app\\node_modules\\@azure\\service-bus\\node_modules\\rhea\\lib\\session.js:12:1)';
const OURS = '    at async receiveOver (file:///app/src/azure/service-bus-connection.ts:54:25)';
const BUILT = '    at async receiveOver (/app/dist/azure/service-bus-connection.js:54:25)';
const OTHERS = '    at Commander.write (/app/node_modules/@redis/client/dist/lib/client/index.js:1:1)';
const ANONYMOUS = '    at new Promise (<anonymous>)';

const withStack = (...frames: string[]) =>
  Object.assign(new Error('too late'), { stack: ['OperationTimeoutError: too late', ...frames].join('\n') });

test.each([
  ['a timer of rhea', [RHEA, NODE]],
  ['the closing of a claim', [AMQP, CLIENT]],
  ['a nested package under Windows', [NESTED, NODE]],
  ['a promise in the client', [CLIENT, ANONYMOUS]],
])("%s is the client's own", (_, frames) => {
  expect(strayReason(withStack(...frames))).toBe('too late');
});

test.each([
  ['one that passed through our code', [RHEA, CLIENT, OURS]],
  ['one that passed through our code as built', [CLIENT, BUILT]],
  ['one of another library', [OTHERS, NODE]],
  ['one that another library has a part in', [RHEA, OTHERS]],
  ['one of Node alone', [NODE]],
  ['one without frames', []],
])("%s is not the client's own", (_, frames) => {
  expect(strayReason(withStack(...frames))).toBeUndefined();
});

test.each([undefined, null, 'text', { stack: RHEA }, Object.assign(new Error(''), { stack: undefined })])(
  'what is no error with a stack is not either',
  (thrown) => {
    expect(strayReason(thrown)).toBeUndefined();
  },
);

/** As rhea makes it of what came over the wire: the fields are getters. */
const bare = (condition: unknown) => Object.create({ condition }, { value: { value: [], enumerable: true } });

test("a condition of AMQP that a link was closed with is the client's own", () => {
  expect(strayReason(bare('com.microsoft:session-lock-lost'))).toBe('com.microsoft:session-lock-lost');
  expect(strayReason(bare('amqp:link:detach-forced'))).toBe('amqp:link:detach-forced');
  expect(strayReason(bare('a condition of somebody else'))).toBeUndefined();
  expect(strayReason(bare(undefined))).toBeUndefined();
});

test('a message that quotes a frame does not make it one', () => {
  const error = new Error(`refused:\n${CLIENT}`);
  expect(strayReason(error)).toBeUndefined();
});
