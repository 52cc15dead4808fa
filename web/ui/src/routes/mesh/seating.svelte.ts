/** The seating as state: follows the live jobs and remembers who sat where. */

import type { Job } from '$lib/api/types';
import { seating, type Guest } from './seating';

export class Seating {
  guests = $state.raw<Guest[]>([]);

  constructor(jobs: () => Job[]) {
    let before: Guest[] | null = null;
    $effect(() => {
      before = seating(jobs(), before);
      this.guests = before;
    });
  }
}
