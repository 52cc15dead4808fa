import { expect, test } from 'vitest';
import { match } from './match';

test.each([
  ['/', '/', {}],
  ['/jobs', '/jobs/', {}],
  ['/jobs/:id', '/jobs/a%20b', { id: 'a b' }],
  ['/jobs/:id', '/jobs/%', { id: '%' }],
  ['/jobs/:id', '/jobs', null],
  ['/jobs', '/mesh', null],
])('%s against %s', (pattern, path, params) => {
  expect(match(pattern, path)).toEqual(params);
});
