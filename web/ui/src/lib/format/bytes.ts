/** Sizes as people say them: 24 GB, 455 KB. Binary steps, since memory is sold that way. */

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function bytes(size: number, locale: string): string {
  const step = size < 1 ? 0 : Math.min(Math.floor(Math.log2(size) / 10), units.length - 1);
  const value = size / 1024 ** step;
  const maximumFractionDigits = step >= 3 && value < 10 ? 1 : 0;
  const unit = units[step] ?? 'byte';
  const style = { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits } as const;
  return new Intl.NumberFormat(locale, style).format(value);
}
