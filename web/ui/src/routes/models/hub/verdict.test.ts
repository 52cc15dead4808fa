import { expect, test } from 'vitest';
import type { HubVariant } from '$lib/api/types';
import { verdictOf } from './verdict';

const fine: HubVariant = {
  label: 'Q4_K_M',
  model: 'o/n:Q4_K_M',
  files: ['n-Q4_K_M.gguf'],
  size_bytes: 1,
  projector: false,
  fits: true,
  disk_fits: true,
  verifiable: true,
  held: null,
};

test('the first reason why a version cannot be had is the one that is told', () => {
  expect(verdictOf(fine)).toBe('fits');
  expect(verdictOf({ ...fine, fits: false })).toBe('tight');
  expect(verdictOf({ ...fine, fits: false, disk_fits: false })).toBe('noDisk');
  expect(verdictOf({ ...fine, files: ['a', 'b'], disk_fits: false })).toBe('split');
  expect(verdictOf({ ...fine, projector: true })).toBe('projector');
  expect(verdictOf({ ...fine, projector: true, verifiable: false })).toBe('noHash');
});
