/** Where the tables stand: rows as in a hall, this computer nearest the middle. Pure. */

export interface Place {
  x: number;
  y: number;
}

export interface Hall {
  width: number;
  height: number;
  /** Radius of the largest table. */
  radius: number;
  places: Place[];
}

/** Widest cell for so many tables, in pixels. */
function cellFor(count: number): number {
  if (count <= 4) return 380;
  if (count <= 9) return 300;
  return count <= 20 ? 220 : 164;
}

const narrowest = (count: number): number => (count <= 6 ? 164 : 116);
const LABEL_PX = 92;

export function layOut(count: number, width: number): Hall {
  const most = Math.max(1, Math.floor(width / narrowest(count)));
  const columns = Math.max(1, Math.min(most, Math.ceil(Math.sqrt(count * 1.9))));
  const rows = Math.max(1, Math.ceil(count / columns));
  const cell = Math.min(cellFor(count), width / Math.min(columns, count || 1));
  const radius = Math.min(104, cell * 0.27);
  const rowHeight = radius * 2 + LABEL_PX;
  const lift = rows === 1 && count > 2 ? rowHeight * 0.3 : 0;
  const places = spread(count, rows).flatMap((inRow, row) =>
    Array.from({ length: inRow }, (_, column) => {
      const off = column - (inRow - 1) / 2;
      const bow = lift * (Math.abs(off) / Math.max(1, (inRow - 1) / 2)) ** 2;
      return { x: width / 2 + off * cell, y: radius + 34 + row * rowHeight + bow };
    }),
  );
  return { width, height: rows * rowHeight + 34 + lift, radius, places };
}

/** So many tables over so many rows, the middle rows the fuller ones. */
export function spread(count: number, rows: number): number[] {
  const least = Math.floor(count / rows);
  const counts = Array.from({ length: rows }, () => least);
  const middleFirst = counts
    .map((_, row) => row)
    .sort((a, b) => Math.abs(a - (rows - 1) / 2) - Math.abs(b - (rows - 1) / 2) || a - b);
  for (const row of middleFirst.slice(0, count - least * rows)) counts[row] = least + 1;
  return counts;
}

/** The index of the place that is nearest the middle of the hall. */
export function middle({ places, width, height }: Hall): number {
  const far = (place: Place): number => Math.hypot(place.x - width / 2, place.y - height / 2);
  return places.reduce((best, place, index) => {
    return far(place) < far(places[best] ?? place) ? index : best;
  }, 0);
}

/** Where around its table the so-manyth guest sits: clockwise from the upper right. */
export function seat(table: Place, radius: number, number: number): Place {
  const angle = -Math.PI / 4 + number * (Math.PI / 7);
  const distance = radius + 17 + 10 * Math.floor(number / 14);
  return { x: table.x + distance * Math.cos(angle), y: table.y + distance * Math.sin(angle) };
}

/** A gently bent way between two points, as an SVG path; the same line there and back. */
export function way(from: Place, to: Place): string {
  const forth = from.x < to.x || (from.x === to.x && from.y < to.y);
  const bend = forth ? 0.14 : -0.14;
  const x = (from.x + to.x) / 2 + (to.y - from.y) * bend;
  const y = (from.y + to.y) / 2 - (to.x - from.x) * bend;
  const round = (value: number): number => Math.round(value * 10) / 10;
  return `M${round(from.x)} ${round(from.y)}Q${round(x)} ${round(y)} ${round(to.x)} ${round(to.y)}`;
}
