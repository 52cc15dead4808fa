import { expect, test } from 'vitest';
import type { Check } from '$lib/api/types';
import { en } from '$lib/i18n/en';
import { ko } from '$lib/i18n/ko';
import { asText, fill, findingOf, sorted } from './finding';

const check = (code: string, more: Partial<Check> = {}): Check => ({
  code,
  outcome: 'trouble',
  message: 'the node’s words',
  advice: 'the node’s advice',
  values: {},
  details: [],
  ...more,
});

test('places of a sentence are filled by name, and others stay', () => {
  expect(fill('{a} and {b} and {a}', { a: '1' })).toBe('1 and {b} and 1');
  expect(fill('{a}', { a: '{a}' })).toBe('{a}');
});

test('known findings are said in our words, others in the node’s', () => {
  const known = findingOf(
    check('not_listening', { values: { address: '10.0.0.7:7863' } }),
    en.checkUp,
  );
  expect(known.what).toContain('10.0.0.7:7863');
  expect(known.next).toContain('pumasi up');
  const korean = findingOf(check('peer', { values: { name: '창가' } }), ko.checkUp);
  expect(korean.what).toContain('창가');
  const newer = { what: 'the node’s words', next: 'the node’s advice', more: '' };
  expect(findingOf(check('of_a_newer_version'), en.checkUp)).toEqual(newer);
  expect(findingOf(check('not_listening'), en.checkUp)).toEqual(newer);
  const topic = findingOf(check('worker'), en.checkUp);
  expect([topic.what, topic.more]).toEqual([en.checkUp.topics.worker, 'the node’s words']);
});

test('both languages name the same places', () => {
  const places = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
  const korean: Record<string, readonly string[]> = ko.checkUp.known;
  for (const [code, said] of Object.entries(en.checkUp.known)) {
    expect(places(korean[code]?.join(' ') ?? ''), code).toEqual(places(said.join(' ')));
  }
});

test('what needs attention comes first', () => {
  const checks = [
    check('a', { outcome: 'good' }),
    check('b', { outcome: 'warning' }),
    check('c', { outcome: 'skipped' }),
    check('d'),
  ];
  expect(sorted(checks).map(({ code }) => code)).toEqual(['d', 'b', 'a', 'c']);
});

test('the text holds code, words, advice and what was tried', () => {
  const text = asText([check('x', { details: ['10.0.0.7: silent'] })], 'desk, 0.1.0');
  expect(text).toBe(
    'desk, 0.1.0\n[trouble] x: the node’s words\n    the node’s advice\n    - 10.0.0.7: silent\n',
  );
});
