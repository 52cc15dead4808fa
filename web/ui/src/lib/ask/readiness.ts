/** Says in words how soon a model would begin. */

import { say } from '$lib/format/say.svelte';
import { locale } from '$lib/i18n/locale.svelte';
import type { Readiness } from '$lib/state/outlook';
import type { Mark } from '$lib/ui/StateMark.svelte';

export function readinessWords(readiness: Readiness): string {
  const words = locale.words.picker;
  switch (readiness.kind) {
    case 'ready':
      return words.ready;
    case 'soon':
      return words.soon(say.duration(readiness.ms));
    case 'loading':
      return words.loading(say.percent(readiness.share));
    case 'loads':
      return readiness.ms === null ? words.loadsUnknown : words.loads(say.duration(readiness.ms));
    case 'nowhere':
      return words.nowhere;
    case 'elsewhere':
      return words.ready;
  }
}

export function readinessMark(readiness: Readiness): Mark {
  switch (readiness.kind) {
    case 'ready':
    case 'elsewhere':
      return 'good';
    case 'soon':
    case 'loading':
      return 'busy';
    case 'loads':
      return 'offline';
    case 'nowhere':
      return 'trouble';
  }
}
