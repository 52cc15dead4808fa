/** How it looks: the person's choice, or light or dark as the system says. `public/theme.js` sets the
 *  first. A theme is a file of tokens in `styles/`, with a few rules of its own where it needs them. */

import { recall, remember } from '$lib/state/preference';

export const themes = ['system', 'light', 'dark', 'glass', 'xp', 'dancheong'] as const;
export type Theme = (typeof themes)[number];

const system = matchMedia('(prefers-color-scheme: dark)');

/** The theme whose tokens hold. */
export function effective(theme: Theme): Exclude<Theme, 'system'> {
  if (theme !== 'system') return theme;
  return system.matches ? 'dark' : 'light';
}

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
    document.documentElement.dataset.theme = effective(this.#chosen);
  }
}

export const theme = new ThemeChoice();
system.addEventListener('change', () => theme.apply());
