/** A number with Korean separators. */
export const number = (n: number): string => n.toLocaleString('ko');
