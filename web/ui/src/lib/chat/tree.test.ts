import { expect, test } from 'vitest';
import { childrenOf, leafOf, newestBelow, pathTo, type Linked } from './tree';

const message = (id: string, parent: string | null): Linked => ({ id, parent });
const all = [
  message('q1', null),
  message('a1', 'q1'),
  message('a2', 'q1'),
  message('q2', 'a2'),
  message('q3', 'a2'),
  message('a3', 'q2'),
];
const ids = (messages: Linked[]): string => messages.map(({ id }) => id).join(' ');

test('a path leads from the first message to the leaf', () => {
  expect(ids(pathTo(all, 'a3'))).toBe('q1 a2 q2 a3');
  expect(ids(pathTo(all, 'a1'))).toBe('q1 a1');
  expect(pathTo(all, 'none')).toEqual([]);
  expect(pathTo(all, null)).toEqual([]);
});

test('below a message, the branch that was begun last is followed to its end', () => {
  expect(newestBelow(all, 'q1')).toBe('q3');
  expect(newestBelow(all, 'q2')).toBe('a3');
});

test('a parent that is missing leaves its message in reach', () => {
  const torn = [message('q1', null), message('a9', 'gone')];
  expect(ids(childrenOf(torn).get(null) ?? [])).toBe('q1 a9');
});

test('circles end', () => {
  const circle = [message('a', 'b'), message('b', 'a')];
  expect(ids(pathTo(circle, 'a'))).toBe('b a');
  expect(newestBelow(circle, 'a')).toBe('a');
});

test('the newest message is shown where none is named', () => {
  expect(leafOf(all, 'a1')).toBe('a1');
  expect(leafOf(all, 'gone')).toBe('a3');
  expect(leafOf([], null)).toBeNull();
});
