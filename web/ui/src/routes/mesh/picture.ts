/** Which table stands where, and which ways between tables are worth a line. Pure. */

import type { Node } from '$lib/api/types';
import { middle, seat, type Hall, type Place } from './layout';
import type { Guest } from './seating';

export interface Standing {
  node: Node;
  place: Place;
  radius: number;
}

/** Below this share of the largest radius a table could not be told from a mark. */
const SMALLEST = 0.52;
/** More tables than these are not all joined by lines: only those where a job goes are. */
const ALL_JOINED = 6;

/** Tables by id, this computer in the middle, the others by name so that each keeps its corner. */
export function standing(
  nodes: readonly Node[],
  hall: Hall,
  memoryOf: (node: Node) => number,
): Map<string, Standing> {
  const [here, ...others] = [...nodes].sort((a, b) => {
    const first = Number(b.presence === 'here') - Number(a.presence === 'here');
    return first || a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1);
  });
  const order = here ? [...others] : [];
  if (here) order.splice(middle(hall), 0, here);
  const most = Math.max(1, ...nodes.map(memoryOf));
  const radiusOf = (node: Node): number =>
    hall.radius * Math.max(SMALLEST, Math.sqrt(memoryOf(node) / most));
  return new Map(
    order.map((node, index) => {
      const place = hall.places[index] ?? { x: 0, y: 0 };
      return [node.id, { node, place, radius: radiusOf(node) }];
    }),
  );
}

export interface Way {
  id: string;
  from: Place;
  to: Place;
  used: boolean;
}

export function waysBetween(
  tables: ReadonlyMap<string, Standing>,
  guests: readonly Guest[],
): Way[] {
  const used = new Set(
    guests
      .map(({ job, at }) => [job.owner.id, at].sort().join())
      .filter((pair) => pair.includes(',')),
  );
  const all = [...tables.values()].filter(({ node }) => node.presence !== 'offline');
  return all
    .flatMap((a, index) => all.slice(index + 1).map((b) => [a, b] as const))
    .map(([a, b]) => {
      const id = [a.node.id, b.node.id].sort().join();
      return { id, from: a.place, to: b.place, used: used.has(id) };
    })
    .filter((line) => line.used || all.length <= ALL_JOINED);
}

/** Work that a computer says it does but whose jobs this page may not see: a seat for each. */
export function strangers(
  tables: ReadonlyMap<string, Standing>,
  guests: readonly Guest[],
  busyOf: (node: Node) => number,
): (Place & { id: string })[] {
  return [...tables.values()].flatMap(({ node, place, radius }) => {
    const here = guests.filter(({ at, job }) => at === node.id && job.node !== null);
    const taken = new Set(guests.filter(({ at }) => at === node.id).map((guest) => guest.seat));
    const unknown = node.presence === 'offline' ? 0 : Math.max(0, busyOf(node) - here.length);
    const free = Array.from({ length: taken.size + unknown }, (_, number) => number)
      .filter((number) => !taken.has(number))
      .slice(0, unknown);
    return free.map((number) => ({ id: `${node.id} ${number}`, ...seat(place, radius, number) }));
  });
}
