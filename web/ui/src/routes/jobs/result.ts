/** The text of a kept reply in OpenAI's form; null where it holds none (embeddings). Pure. */

import { isObject } from '$lib/api/fault';

export function textOf(reply: unknown): string | null {
  const choices = isObject(reply) && Array.isArray(reply.choices) ? reply.choices : [];
  const texts = choices.map((choice: unknown) => {
    if (!isObject(choice)) return null;
    if (typeof choice.text === 'string') return choice.text;
    const content = isObject(choice.message) ? choice.message.content : null;
    return typeof content === 'string' ? content : null;
  });
  const known = texts.filter((text) => text !== null);
  return known.length ? known.join('\n\n---\n\n') : null;
}
