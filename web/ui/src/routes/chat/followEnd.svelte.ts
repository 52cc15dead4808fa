/** Keeps the end of a growing answer in sight, until the reader scrolls away from it. */

import type { Attachment } from 'svelte/attachments';
import type { Conversation } from '$lib/state/conversation.svelte';

/** Nearer to the end than this, the reader is taken to follow. */
const NEAR_PX = 120;

export function followEnd(conversation: Conversation): Attachment {
  return (log) => {
    const page = document.documentElement;
    let following = true;
    const scrolled = (): void => {
      following = page.scrollHeight - page.scrollTop - page.clientHeight < NEAR_PX;
    };
    const grown = new ResizeObserver(() => {
      if (following) page.scrollTop = page.scrollHeight;
    });
    grown.observe(log);
    addEventListener('scroll', scrolled, { passive: true });
    $effect(() => {
      // A new question always brings its reader to the end.
      if (conversation.questions) following = true;
    });
    return () => {
      grown.disconnect();
      removeEventListener('scroll', scrolled);
    };
  };
}
