/** Slows a fast stream down to what an eye can follow: the first piece at once, then in bundles. */

import type { Piece } from '$lib/api/completion';

const SHOW_EVERY_MS = 33;

export interface Paced {
  take: (piece: Piece) => void;
  flush: () => void;
}

export function paced(show: (piece: Piece) => void): Paced {
  let held: Piece[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    for (const piece of held.splice(0)) show(piece);
  };
  const tick = (): void => {
    const more = held.length > 0;
    flush();
    if (more) timer = setTimeout(tick, SHOW_EVERY_MS);
  };
  const take = (piece: Piece): void => {
    if (timer === undefined) {
      show(piece);
      timer = setTimeout(tick, SHOW_EVERY_MS);
    } else {
      held = joined(held, piece);
    }
  };
  return { take, flush };
}

/** Text is joined to text of its kind, so that a bundle costs one update. */
function joined(held: Piece[], piece: Piece): Piece[] {
  const last = held.at(-1);
  if (last?.kind === 'text' && piece.kind === 'text') {
    return [...held.slice(0, -1), { kind: 'text', text: last.text + piece.text }];
  }
  if (last?.kind === 'thinking' && piece.kind === 'thinking') {
    return [...held.slice(0, -1), { kind: 'thinking', text: last.text + piece.text }];
  }
  return [...held, piece];
}
