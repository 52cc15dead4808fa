/** Durations and moments as people say them. */

function unit(value: number, name: string, digits: number, locale: string): string {
  const style = { style: 'unit', unit: name, unitDisplay: 'short' } as const;
  return new Intl.NumberFormat(locale, { ...style, maximumFractionDigits: digits }).format(value);
}

export function duration(ms: number, locale: string): string {
  const size = Math.abs(ms);
  if (size < 100) return unit(ms, 'millisecond', size < 10 ? 1 : 0, locale);
  if (size < 59_950) return unit(ms / 1_000, 'second', size < 9_950 ? 1 : 0, locale);
  if (size < 3_570_000) return unit(ms / 60_000, 'minute', size < 597_000 ? 1 : 0, locale);
  return unit(ms / 3_600_000, 'hour', size < 36_000_000 ? 1 : 0, locale);
}

/** "3 minutes ago"; a clock that runs ahead says "now", never "in the future". */
export function ago(then: number, now: number, locale: string): string {
  const seconds = Math.max(0, (now - then) / 1_000);
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  if (seconds < 5) return words.format(0, 'second');
  if (seconds < 60) return words.format(-Math.floor(seconds), 'second');
  if (seconds < 3_600) return words.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return words.format(-Math.floor(seconds / 3_600), 'hour');
  return words.format(-Math.floor(seconds / 86_400), 'day');
}
