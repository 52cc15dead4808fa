/** How a model stands on a computer, in words and as a mark. */

import type { ModelState } from '$lib/api/types';
import { say } from '$lib/format/say.svelte';
import { locale } from '$lib/i18n/locale.svelte';
import type { Mark } from '$lib/ui/StateMark.svelte';

const marks: Record<ModelState['state'], Mark> = {
  loaded: 'good',
  loading: 'busy',
  held: 'offline',
  unusable: 'trouble',
};

export const placeMark = (state: ModelState): Mark => marks[state.state];

export function placeWords(state: ModelState): string {
  const words = locale.words.models.places;
  switch (state.state) {
    case 'held':
      return words.held;
    case 'loading':
      return words.loading(say.percent(state.permille / 1_000));
    case 'loaded':
      return state.busy ? words.busy(state.busy, state.slots) : words.loaded;
    case 'unusable':
      return words.unusable;
  }
}
