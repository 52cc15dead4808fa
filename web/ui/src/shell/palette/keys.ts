/** Keys that work on every page: the palette, its help, and two letters that lead to a page. */

export const command = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘' : 'Ctrl';

export type Meant = { kind: 'palette' } | { kind: 'shortcuts' } | { kind: 'go'; to: string };

const places: Record<string, string> = {
  c: '/mesh',
  j: '/jobs',
  m: '/models',
  l: '/chats',
  s: '/manage/settings',
};
/** The second letter follows within this time. */
const PAIR_MS = 1_500;

/** Letters count only where no text is being written and nothing is open over the page. */
function isFree(target: EventTarget | null): boolean {
  if (document.querySelector('dialog[open], :popover-open')) return false;
  if (!(target instanceof HTMLElement)) return true;
  return !target.isContentEditable && !target.closest('input, textarea, select');
}

/** Reads keys one after the other, and says what a person means by them. */
export class Keys {
  #pairedAt = -Infinity;

  read(event: KeyboardEvent): Meant | null {
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && key === 'k') {
      return { kind: 'palette' };
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !isFree(event.target)) return null;
    const paired = event.timeStamp - this.#pairedAt < PAIR_MS;
    this.#pairedAt = key === 'g' ? event.timeStamp : -Infinity;
    const to = places[key];
    if (paired && to !== undefined) return { kind: 'go', to };
    if (key === '?') return { kind: 'shortcuts' };
    return key === 'n' ? { kind: 'go', to: '/' } : null;
  }
}
