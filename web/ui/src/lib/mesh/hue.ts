/** A colour for a person or a computer: one of eight, the same for the same id everywhere. */

const HUES = 8;

export function hue(id: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  }
  return `var(--hue-${((hash >>> 0) % HUES) + 1})`;
}
