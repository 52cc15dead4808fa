/** Lets plain `<a href>` navigate without loading the page anew. */

import { address } from './address.svelte';

function isOurs(event: MouseEvent, link: HTMLAnchorElement): boolean {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  const here = link.origin === location.origin && !link.target && !link.hasAttribute('download');
  return plain && !event.altKey && !event.defaultPrevented && here;
}

/** Listens for clicks and for back and forward. Returns what ends it. */
export function followLinks(): () => void {
  const click = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link?.href || !isOurs(event, link)) return;
    event.preventDefault();
    if (link.href !== location.href) address.go(link.href);
  };
  const back = (): void => address.sync();
  document.addEventListener('click', click);
  addEventListener('popstate', back);
  return () => {
    document.removeEventListener('click', click);
    removeEventListener('popstate', back);
  };
}
