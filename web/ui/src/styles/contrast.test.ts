import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

type Tokens = Map<string, string>;

function tokensOf(theme: string): Tokens {
  const css = readFileSync(`src/styles/${theme}.css`, 'utf8');
  return new Map([...css.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, k = '', v = '']) => [k, v]));
}

/** Lightness, chroma and hue of a token, through any references. */
function colour(tokens: Tokens, name: string): [number, number, number] {
  const value = tokens.get(name) ?? '';
  const reference = /^var\((--[\w-]+)\)$/.exec(value);
  if (reference?.[1]) return colour(tokens, reference[1]);
  const parts = /^oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)$/.exec(value);
  if (!parts) throw new Error(`${name} is not an opaque colour: ${value}`);
  return [Number(parts[1]), Number(parts[2]), (Number(parts[3]) * Math.PI) / 180];
}

/** Relative luminance (WCAG) of an OKLCH colour (Ottosson's matrices), cut to the sRGB gamut. */
function luminance([lightness, chroma, hue]: [number, number, number]): number {
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const cut = (value: number): number => Math.min(1, Math.max(0, value));
  const red = cut(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  const green = cut(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  const blue = cut(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(tokens: Tokens, one: string, other: string): number {
  const [a, b] = [luminance(colour(tokens, one)), luminance(colour(tokens, other))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

const grounds = ['--paper', '--surface', '--sunken'];
const inks = [
  '--ink',
  '--ink-soft',
  '--ink-faint',
  '--accent-text',
  '--trouble',
  '--good',
  '--busy',
];
const pairs = [
  ...grounds.flatMap((ground) => inks.map((ink) => [ink, ground])),
  ['--on-accent', '--accent'],
  ['--on-accent', '--accent-hover'],
  ['--accent-text', '--accent-soft'],
  ['--ink', '--accent-soft'],
  ['--busy', '--busy-soft'],
  ['--ink-soft', '--trouble-soft'],
  ['--ink-soft', '--offline-soft'],
  ['--ink-soft', '--n4'],
] as [string, string][];

describe.each(['light', 'dark'])('%s', (theme) => {
  const tokens = tokensOf(theme);

  test.each(pairs)('%s on %s is legible (AA)', (ink, ground) => {
    expect(contrast(tokens, ink, ground)).toBeGreaterThanOrEqual(4.5);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('hue %i can be told from the page (AA, graphics)', (hue) => {
    expect(contrast(tokens, `--hue-${hue}`, '--surface')).toBeGreaterThanOrEqual(3);
  });
});

test('every theme defines the same tokens', () => {
  expect([...tokensOf('dark').keys()]).toEqual([...tokensOf('light').keys()]);
});
