/** Sizes as people say them: 24 GB, 456 KB. Binary steps, since memory is sold that way. */

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

export function bytes(size: number, locale: string): string {
  const step = size < 1 ? 0 : Math.min(Math.floor(Math.log2(size) / 10), units.length - 1);
  const value = size / 1024 ** step;
  const maximumFractionDigits = step >= 3 && value < 10 ? 1 : 0;
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits }).format(value);
  return `${number}\u00a0${units[step]}`;
}
