/** What draws formulas, once a page has one. */

import type { Draw } from './math';

class Drawing {
  #draw = $state.raw<Draw | null>(null);
  #asked = false;

  /** None until it is here; asking for it brings it. */
  get draw(): Draw | null {
    if (!this.#asked) {
      this.#asked = true;
      import('./katex').then(
        ({ draw }) => (this.#draw = draw),
        // Formulas stay legible as they are written; the next page tries again.
        () => (this.#asked = false),
      );
    }
    return this.#draw;
  }
}

export const drawing = new Drawing();
