/** Light or dark: the person's choice, or what the system says. `public/theme.js` sets the first. */

import { recall, remember } from '$lib/state/preference';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const system = matchMedia('(prefers-color-scheme: dark)');

class ThemeChoice {
  #chosen = $state<Theme>(themes.find((theme) => theme === recall('theme')) ?? 'system');

  get chosen(): Theme {
    return this.#chosen;
  }

  set chosen(theme: Theme) {
    this.#chosen = theme;
    remember('theme', theme === 'system' ? null : theme);
    this.apply();
  }

  /** Puts the effective theme on the document, where the token files look for it. */
  apply(): void {
    const dark = this.#chosen === 'dark' || (this.#chosen === 'system' && system.matches);
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  }
}

export const theme = new ThemeChoice();
system.addEventListener('change', () => theme.apply());
