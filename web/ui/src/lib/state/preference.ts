/** What belongs to this browser alone: its theme and its language. Nothing else is kept here. */

type Preference = 'theme' | 'language';

export function recall(name: Preference): string | null {
  try {
    return localStorage.getItem(`pumasi.${name}`);
  } catch {
    return null;
  }
}

/** Storage may be blocked or full; the choice then lasts as long as the page. */
export function remember(name: Preference, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`pumasi.${name}`);
    else localStorage.setItem(`pumasi.${name}`, value);
  } catch {
    return;
  }
}
