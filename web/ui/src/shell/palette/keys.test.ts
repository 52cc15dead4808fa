import { expect, test } from 'vitest';
import { Keys } from './keys';

const press = (key: string, over: Partial<KeyboardEvent> = {}): KeyboardEvent => {
  const event = { key, timeStamp: 0, target: document.body, ...over };
  return {
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...event,
  } as KeyboardEvent;
};

test('the palette opens from everywhere, also while text is written', () => {
  const target = document.createElement('textarea');
  expect(new Keys().read(press('k', { ctrlKey: true, target }))).toEqual({ kind: 'palette' });
  expect(new Keys().read(press('K', { metaKey: true }))).toEqual({ kind: 'palette' });
  expect(new Keys().read(press('k', { ctrlKey: true, shiftKey: true }))).toBeNull();
});

test('letters lead to pages, and not while text is written or something is open', () => {
  const keys = new Keys();
  expect(keys.read(press('g'))).toBeNull();
  expect(keys.read(press('j', { timeStamp: 400 }))).toEqual({ kind: 'go', to: '/jobs' });
  expect(keys.read(press('j', { timeStamp: 800 }))).toBeNull();
  keys.read(press('g', { timeStamp: 1_000 }));
  expect(keys.read(press('j', { timeStamp: 9_000 }))).toBeNull();
  expect(keys.read(press('?'))).toEqual({ kind: 'shortcuts' });
  const target = document.createElement('input');
  expect(keys.read(press('n', { target }))).toBeNull();
  document.body.innerHTML = '<dialog open></dialog>';
  expect(keys.read(press('n'))).toBeNull();
  document.body.innerHTML = '';
});
