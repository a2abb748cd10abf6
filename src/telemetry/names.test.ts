import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { expect, test } from 'vitest';
import { attribute, value } from './names.ts';

const known = conventions as unknown as Record<string, string>;

test.each(Object.entries(attribute))('%s is what the semantic conventions call it', (name, ours) => {
  expect(ours).toBe(known[`ATTR_${name}`]);
});

test.each(Object.entries(value))('%s is what the semantic conventions call it', (name, ours) => {
  expect(ours).toBe(known[name]);
});
