/** Plain figures, rates and shares. */

export function figure(value: number, locale: string): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

export function percent(share: number, locale: string): string {
  return new Intl.NumberFormat(locale, { style: 'percent' }).format(share);
}

/** A share of which the first digit after the point matters. */
export function share(value: number, locale: string): string {
  const style = { style: 'percent', maximumFractionDigits: value < 0.1 ? 1 : 0 } as const;
  return new Intl.NumberFormat(locale, style).format(value);
}

/** An amount of US dollars, small ones with what is left of them. */
export function dollars(value: number, locale: string): string {
  const maximumFractionDigits = value > 0 && value < 1 ? 4 : 2;
  const style = { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' } as const;
  return new Intl.NumberFormat(locale, { ...style, maximumFractionDigits }).format(value);
}

/** A count in thousands where it is large: 131K tokens of context. */
export function compact(value: number, locale: string): string {
  return new Intl.NumberFormat(locale, { notation: 'compact' }).format(value);
}
