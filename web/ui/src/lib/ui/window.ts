/** Which rows of a long list are drawn: those in sight and some around. Pure. */

export interface Slice {
  from: number;
  to: number;
  /** Pixels that the rows before and after take. */
  before: number;
  after: number;
}

/** Rows between two heights of a list, whose rows are as high as `heightOf` says. */
export function sliceOf(
  count: number,
  heightOf: (index: number) => number,
  top: number,
  bottom: number,
): Slice {
  let [from, at] = [0, 0];
  while (from < count && at + heightOf(from) < top) {
    at += heightOf(from);
    from += 1;
  }
  const before = at;
  let to = from;
  while (to < count && at < bottom) {
    at += heightOf(to);
    to += 1;
  }
  let after = 0;
  for (let index = to; index < count; index += 1) after += heightOf(index);
  return { from, to, before, after };
}
