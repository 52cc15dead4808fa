import { expect, test } from 'vitest';
import { fit, matching, type Entry } from './entries';

const entry = (name: string, group = 'pages', more = ''): Entry => ({
  ...{ key: name, group, icon: 'ask', name, more },
  run: () => undefined,
});
const names = (entries: Entry[]): string[] => entries.map(({ name }) => name);

test('the beginning of a name fits best, then that of a word, then its middle', () => {
  const all = [entry('Check-up'), entry('Upkeep'), entry('Group')];
  expect(names(matching(all, 'up'))).toEqual(['Upkeep', 'Check-up', 'Group']);
});

test('every word must be there, in any case and language', () => {
  expect(fit('창가 자리', '자리')).toBeGreaterThan(0);
  expect(fit('Window desk', 'DESK win')).toBeGreaterThan(0);
  expect(fit('Window desk', 'desk door')).toBe(0);
});

test('an entry is also found by what it says beside its name', () => {
  expect(names(matching([entry('Providers', 'pages', 'clouds')], 'cloud'))).toEqual(['Providers']);
});

test('groups stay in their order and are not endless', () => {
  const many = Array.from({ length: 40 }, (_, index) => entry(`model ${index}`, 'models'));
  const found = matching([entry('Models'), ...many], 'model');
  expect(found[0]?.name).toBe('Models');
  expect(found.length).toBe(7);
});
