/** A conversation as a tree: each message follows one; two that follow the same are versions of each
 *  other. Pure. */

export interface Linked {
  readonly id: string;
  readonly parent: string | null;
}

/** Messages by what they follow, in the order in which they came. A parent that is not there counts as
 *  none, so that nothing is out of reach. */
export function childrenOf<T extends Linked>(all: readonly T[]): Map<string | null, T[]> {
  const known = new Set(all.map(({ id }) => id));
  const children = new Map<string | null, T[]>();
  for (const message of all) {
    const parent = message.parent !== null && known.has(message.parent) ? message.parent : null;
    const siblings = children.get(parent);
    if (siblings) siblings.push(message);
    else children.set(parent, [message]);
  }
  return children;
}

/** From the first message to the leaf. A circle, which only a damaged file can hold, is cut. */
export function pathTo<T extends Linked>(all: readonly T[], leaf: string | null): T[] {
  const byId = new Map(all.map((message) => [message.id, message]));
  const path: T[] = [];
  const seen = new Set<string>();
  let next = leaf === null ? undefined : byId.get(leaf);
  while (next && !seen.has(next.id)) {
    seen.add(next.id);
    path.push(next);
    next = next.parent === null ? undefined : byId.get(next.parent);
  }
  return path.reverse();
}

/** The end of the branch that was begun last below a message. */
export function newestBelow<T extends Linked>(all: readonly T[], id: string): string {
  const children = childrenOf(all);
  const seen = new Set<string>();
  let at = id;
  while (!seen.has(at)) {
    seen.add(at);
    at = children.get(at)?.at(-1)?.id ?? at;
  }
  return at;
}

/** The leaf to show where none is named, or the named one is not there. */
export function leafOf<T extends Linked>(all: readonly T[], named: string | null): string | null {
  if (named !== null && all.some(({ id }) => id === named)) return named;
  return all.at(-1)?.id ?? null;
}
