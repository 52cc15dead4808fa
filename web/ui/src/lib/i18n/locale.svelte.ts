/** Which language speaks. A third one is one more file and one more line in `dictionaries`. */

import { recall, remember } from '$lib/state/preference';
import { en, type Words } from './en';
import { ko } from './ko';

export const dictionaries = { en, ko } satisfies Record<string, Words>;
export type Locale = keyof typeof dictionaries;
export const locales = Object.keys(dictionaries) as Locale[];

/** The first language that both the browser asks for and we speak. */
export function preferred(asked: readonly string[]): Locale {
  const known = asked.map((tag) => tag.slice(0, 2).toLowerCase());
  return locales.find((locale) => locale === known.find((tag) => tag in dictionaries)) ?? 'en';
}

class LocaleChoice {
  #chosen = $state<Locale>(
    locales.find((locale) => locale === recall('language')) ?? preferred(navigator.languages),
  );

  get chosen(): Locale {
    return this.#chosen;
  }

  set chosen(locale: Locale) {
    this.#chosen = locale;
    remember('language', locale);
    this.apply();
  }

  get words(): Words {
    return dictionaries[this.#chosen];
  }

  /** Tells the browser, for line breaking and screen readers. */
  apply(): void {
    document.documentElement.lang = this.#chosen;
  }
}

export const locale = new LocaleChoice();
