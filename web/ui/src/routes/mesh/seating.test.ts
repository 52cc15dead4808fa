import { expect, test } from 'vitest';
import type { Job } from '$lib/api/types';
import { seating } from './seating';

const ref = (id: string): { id: string; name: string } => ({ id, name: id });
const job = (id: string, owner: string, node: string | null): Job =>
  ({ id, owner: ref(owner), node: node === null ? null : ref(node) }) as Job;

test('at the first look everybody sits already', () => {
  const guests = seating([job('1', 'a', 'b'), job('2', 'a', null)], null);
  expect(guests.map(({ at, from, seat }) => [at, from, seat])).toEqual([
    ['b', null, 0],
    ['a', null, 0],
  ]);
});

test('a job that finds a place is seen to go there from its owner', () => {
  const before = seating([job('1', 'a', null)], null);
  const [guest] = seating([job('1', 'a', 'b')], before);
  expect(guest).toMatchObject({ at: 'b', from: 'a', seat: 0 });
});

test('a job whose computer left is seen to go on to the next', () => {
  const before = seating([job('1', 'a', 'b')], null);
  expect(seating([job('1', 'a', 'c')], before)[0]).toMatchObject({ at: 'c', from: 'b' });
});

test('nobody has to shift when a neighbour leaves, and the free seat is filled', () => {
  const jobs = [job('1', 'a', 'b'), job('2', 'a', 'b'), job('3', 'a', 'b')];
  const before = seating(jobs, null);
  const after = seating([...jobs.slice(1), job('4', 'b', 'b')], before);
  const seats = Object.fromEntries(after.map((guest) => [guest.job.id, guest.seat]));
  expect(seats).toEqual({ 2: 1, 3: 2, 4: 0 });
});
