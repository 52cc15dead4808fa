import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

// The choice looks at the system's, which jsdom lacks.
vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined }));
const { themes: offered } = await import('$lib/theme/theme.svelte');

type Tokens = Map<string, string>;

function tokensOf(theme: string): Tokens {
  const css = readFileSync(`src/styles/${theme}.css`, 'utf8');
  const [block = ''] = /\[data-theme='\w+'\] \{[^}]*\}/.exec(css) ?? [];
  return new Map(
    [...block.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, k = '', v = '']) => [k, v]),
  );
}

/** Red, green and blue of sRGB, from 0 to 1, and how much it covers. */
interface Colour {
  rgb: number[];
  alpha: number;
}

/** The colour of a token, through any references. */
function colour(tokens: Tokens, name: string): Colour {
  const value = tokens.get(name) ?? '';
  const reference = /^var\((--[\w-]+)\)$/.exec(value);
  if (reference?.[1]) return colour(tokens, reference[1]);
  const parts = /^oklch\(([\d.]+) ([\d.]+) ([\d.]+)(?: \/ ([\d.]+))?\)$/.exec(value);
  if (!parts) throw new Error(`${name} is not a colour: ${value}`);
  const [, lightness, chroma, hue, alpha] = parts;
  const turned = (Number(hue) * Math.PI) / 180;
  return { rgb: srgb(Number(lightness), Number(chroma), turned), alpha: Number(alpha ?? 1) };
}

/** An OKLCH colour (Ottosson's matrices), cut to the sRGB gamut. */
function srgb(lightness: number, chroma: number, hue: number): number[] {
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const cut = (value: number): number => Math.min(1, Math.max(0, value));
  const red = cut(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  const green = cut(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  const blue = cut(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s);
  const encoded = (value: number): number =>
    value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
  return [red, green, blue].map(encoded);
}

/** Relative luminance (WCAG). */
function luminance(rgb: number[]): number {
  const linear = rgb.map((value) =>
    value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
  );
  const [red = 0, green = 0, blue = 0] = linear;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** As browsers lay one colour over another. */
function over({ rgb, alpha }: Colour, below: number[]): number[] {
  return rgb.map((value, index) => value * alpha + (below[index] ?? 0) * (1 - alpha));
}

/** All that a ground can look like: opaque, or laid over whatever of the sky is behind. */
function looks(tokens: Tokens, ground: string): number[][] {
  const top = colour(tokens, ground);
  if (top.alpha === 1) return [top.rgb];
  const skies = ['--sky-1', '--sky-2', '--sky-3'].map((sky) => colour(tokens, sky).rgb);
  const below = ground === '--paper' ? skies : [...skies, ...looks(tokens, '--paper')];
  return below.map((sky) => over(top, sky));
}

/** The worst that can be seen. */
function contrast(tokens: Tokens, one: string, other: string): number {
  const ratios = looks(tokens, other).map((ground) => {
    const [a, b] = [luminance(over(colour(tokens, one), ground)), luminance(ground)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  return Math.min(...ratios);
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

const themes = ['light', 'dark', 'glass', 'xp', 'dancheong'];

describe.each(themes)('%s', (theme) => {
  const tokens = tokensOf(theme);

  test.each(pairs)('%s on %s is legible (AA)', (ink, ground) => {
    expect(contrast(tokens, ink, ground)).toBeGreaterThanOrEqual(4.5);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('hue %i can be told from the page (AA, graphics)', (hue) => {
    expect(contrast(tokens, `--hue-${hue}`, '--surface')).toBeGreaterThanOrEqual(3);
  });
});

test.each(themes)('%s defines all tokens', (theme) => {
  const tokens = [...tokensOf(theme).keys()];
  expect([...tokensOf('light').keys()].filter((token) => !tokens.includes(token))).toEqual([]);
});

test('every theme can be chosen, and is set before the first paint', () => {
  const first = readFileSync('public/theme.js', 'utf8');
  for (const theme of themes) expect(first).toContain(`'${theme}'`);
  expect([...offered].slice(1)).toEqual(themes);
});
