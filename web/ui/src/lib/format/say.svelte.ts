/** The formats in the language of the moment: what components call. */

import { locale } from '$lib/i18n/locale.svelte';
import { bytes } from './bytes';
import { ago, duration } from './duration';
import { compact, dollars, figure, percent, share } from './number';

export const say = {
  bytes: (size: number): string => bytes(size, locale.chosen),
  duration: (ms: number): string => duration(ms, locale.chosen),
  ago: (then: number, now: number): string => ago(then, now, locale.chosen),
  figure: (value: number): string => figure(value, locale.chosen),
  dollars: (usd: number): string => dollars(usd, locale.chosen),
  percent: (share: number): string => percent(share, locale.chosen),
  share: (value: number): string => share(value, locale.chosen),
  compact: (value: number): string => compact(value, locale.chosen),
  rate: (perSecond: number): string =>
    locale.words.units.tokensPerSecond(figure(perSecond, locale.chosen)),
};
