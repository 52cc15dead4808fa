import { expect, test } from 'vitest';
import type { Job, Node } from '$lib/api/types';
import { layOut } from './layout';
import { standing, strangers, waysBetween } from './picture';
import type { Guest } from './seating';

const node = (id: string, presence: Node['presence'] = 'online'): Node =>
  ({ id, name: id, presence }) as Node;
const guest = (at: string, seat: number, owner = at): Guest => {
  const job = { id: `${at}${seat}`, owner: { id: owner, name: '' }, node: { id: at, name: '' } };
  return { job: job as Job, at, seat, from: null };
};
const tables = (nodes: Node[]): ReturnType<typeof standing> =>
  standing(nodes, layOut(nodes.length, 1_000), ({ id }) => (id === 'large' ? 64 : 32));

test('this computer stands in the middle, the others by name', () => {
  const order = [...tables([node('c'), node('me', 'here'), node('a')]).keys()];
  expect(order).toEqual(['a', 'me', 'c']);
});

test('memory is area: twice as much is √2 times as wide', () => {
  const [small, large] = [...tables([node('large', 'here'), node('a')]).values()]
    .map(({ radius }) => radius)
    .sort((a, b) => a - b);
  expect((large ?? 0) / (small ?? 1)).toBeCloseTo(Math.SQRT2, 5);
});

test('few computers are all joined, many only where a job goes', () => {
  const three = tables([node('a'), node('b'), node('c', 'offline')]);
  expect(waysBetween(three, []).map(({ id, used }) => [id, used])).toEqual([['a,b', false]]);
  const many = tables(Array.from({ length: 12 }, (_, index) => node(`n${index}`)));
  expect(waysBetween(many, [])).toEqual([]);
  expect(waysBetween(many, [guest('n3', 0, 'n1')]).map(({ id }) => id)).toEqual(['n1,n3']);
});

test('work whose jobs are not ours to see takes the seats that are left', () => {
  const two = tables([node('a'), node('b', 'offline')]);
  const seats = strangers(two, [guest('a', 1)], () => 3);
  expect(seats.map(({ id }) => id)).toEqual(['a 0', 'a 2']);
});
