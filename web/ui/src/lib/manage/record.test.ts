import { expect, test } from 'vitest';
import type { AuditEntry } from '$lib/api/types';
import { en } from '$lib/i18n/en';
import { asShown, fits, peopleOf, sentence } from './record';

const desk = { id: 'a', name: 'desk' };
const entry = (more: Partial<AuditEntry>): AuditEntry => ({
  at_ms: 0,
  act: 'removed',
  person: 'kim',
  node: desk,
  key: null,
  about: { id: 'b', name: 'lab', person: 'lee', grants: ['member'] },
  job: null,
  stands: true,
  ...more,
});
const job = entry({
  act: 'asked',
  about: null,
  job: {
    id: '1',
    kind: 'chat',
    model: 'starter-chat',
    owner: desk,
    ran_on: null,
    provider: null,
    asked_bytes: 1,
    prompt_tokens: 1,
    cached_tokens: 0,
    completion_tokens: 1,
    attempts: 0,
    accepted_ms: 0,
    outcome: 'failed',
    error: 'no_candidate',
  },
});

test('says who did what, and does not choke on a newer word', () => {
  expect(sentence(entry({}), en.record)).toBe('removed lab (lee)');
  expect(sentence(entry({ act: 'admitted' }), en.record)).toBe('let in lab (lee) (member)');
  expect(sentence(job, en.record)).toBe('asked starter-chat, on no computer');
  expect(sentence(entry({ act: 'flown' as never }), en.record)).toBe('flown');
});

test('jobs are told from changes', () => {
  expect([asShown('jobs'), asShown('x'), asShown(null)]).toEqual(['jobs', 'all', 'all']);
  expect([fits(job, 'jobs'), fits(job, 'people'), fits(entry({}), 'people')]).toEqual([
    true,
    false,
    true,
  ]);
});

test('everybody is listed once', () => {
  expect(peopleOf([entry({}), job, entry({ person: null })])).toEqual(['kim', 'lee']);
});
