/** The right form for a count. English needs it; Korean has one form. */

const english = new Intl.PluralRules('en');

export function count(number: number, one: string, other: string): string {
  return `${number.toLocaleString('en')} ${english.select(number) === 'one' ? one : other}`;
}
