/** Files whose text goes with a question: what can be taken, and how a model is shown it. Pure. */

import type { ConversationFile } from '$lib/api/types';

/** Bytes of one file, and of all that go with one question; their number. */
export const FILE_BYTES = 256 * 1024;
export const FILES_BYTES = 512 * 1024;
export const FILES = 10;

export type Refused = 'too_large' | 'too_many' | 'later' | 'not_text';

/** A question as the model reads it: each file as a quoted block, then the words. */
export function asked(text: string, files: readonly ConversationFile[]): string {
  const blocks = files.map(({ name, text: held }) => {
    const fence = fenceFor(held);
    return `${name.replaceAll('\n', ' ')}\n${fence}\n${held}\n${fence}`;
  });
  return [...blocks, text].filter(Boolean).join('\n\n');
}

/** Longer than any run of backticks in what it goes around, so that no file can end its own block. */
function fenceFor(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  return '`'.repeat(longest + 1);
}

/** Reads a file as text, or says why not. */
export function readText(
  { name, type }: { name: string; type: string },
  bytes: ArrayBuffer,
): ConversationFile | Refused {
  if (/^(image|audio|video)\//.test(type) || type === 'application/pdf') return 'later';
  if (bytes.byteLength > FILE_BYTES) return 'too_large';
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? 'not_text' : { name, text };
  } catch {
    return 'not_text';
  }
}

/** Whether one more fits beside those that are there. */
export function fits(files: readonly ConversationFile[], one: ConversationFile): Refused | null {
  if (files.length >= FILES) return 'too_many';
  const size = (text: string): number => new Blob([text]).size;
  const all = files.reduce((sum, { text }) => sum + size(text), size(one.text));
  return all > FILES_BYTES ? 'too_large' : null;
}
