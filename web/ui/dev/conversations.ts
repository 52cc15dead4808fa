/** Development only: conversations that the mock keeps for as long as it runs. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  Conversation,
  ConversationChange,
  ConversationLine,
  ConversationMessage,
} from '../src/lib/api/types.ts';

const kept = new Map<string, Conversation>();
const DAY_MS = 86_400_000;

/** `?mock=3` has a few old ones; one is very long. */
function seed(): void {
  const titles = [
    'How does placement work?',
    '창가 자리 컴퓨터는 왜 쉬고 있나요? 회의 전에 알려 주세요',
    'Minutes of Monday’s meeting, shorter please',
    'A letter to the landlord about the heating that makes noises at night',
    'Regular expression for Korean telephone numbers',
  ];
  for (const [index, title] of titles.entries()) put(sample(`seed-${index}`, title, index, 2));
  put(sample('long', 'A very long conversation', 6, 20_000));
}

function sample(id: string, title: string, age: number, count: number): Conversation {
  const at = Date.now() - age * DAY_MS - 60_000;
  const messages = Array.from({ length: count }, (_, index): ConversationMessage => {
    const parent = index ? { parent: `${id}-${index - 1}` } : {};
    const base = { id: `${id}-${index}`, at_ms: at, ...parent };
    if (index % 2 === 0) return { ...base, role: 'user', content: `${title} (${index / 2 + 1})` };
    const content = `**Answer ${index}.** ${'Some words that fill a line or two. '.repeat(1 + (index % 9))}`;
    const facts = { end: 'done' as const, tokens: 40, tokens_per_s: 52, first_ms: 180 };
    return { ...base, role: 'assistant', content, model: 'qwen3-14b', facts };
  });
  const settings = { model: 'qwen3-14b', leaf: `${id}-${count - 1}` };
  return { id, title, created_ms: at, updated_ms: at, revision: 1, settings, messages };
}

function put(conversation: Conversation): void {
  kept.set(conversation.id, conversation);
}

const lineOf = (one: Conversation): ConversationLine => ({
  id: one.id,
  title: one.title,
  model: one.settings.model,
  created_ms: one.created_ms,
  updated_ms: one.updated_ms,
  revision: one.revision,
  messages: one.messages.length,
  bytes: 0,
  found: null,
});

function list(search: string): ConversationLine[] {
  const wanted = search.toLowerCase();
  const lines = [...kept.values()].flatMap((one) => {
    if (one.title.toLowerCase().includes(wanted)) return [lineOf(one)];
    const found = one.messages.find(({ content }) => content.toLowerCase().includes(wanted));
    return found ? [{ ...lineOf(one), found: found.content.slice(0, 90) }] : [];
  });
  return lines.sort((a, b) => b.updated_ms - a.updated_ms);
}

function changed(id: string, change: Partial<ConversationChange>): ConversationLine | null {
  const now = Date.now();
  const before = kept.get(id);
  if (!before && change.revision) return null;
  const one = before ?? {
    ...{ id, title: '', created_ms: now, updated_ms: now, revision: 0 },
    settings: { model: '' },
    messages: [],
  };
  const messages = new Map(one.messages.map((message) => [message.id, message]));
  for (const message of change.messages ?? []) messages.set(message.id, message);
  const after = {
    ...one,
    title: change.title ?? one.title,
    settings: change.settings ?? one.settings,
    messages: [...messages.values()],
    updated_ms: now,
    revision: one.revision + 1,
  };
  put(after);
  return lineOf(after);
}

export function answerConversations(
  request: IncomingMessage,
  id: string,
  body: Record<string, unknown>,
  response: ServerResponse,
): void {
  const json = (held: unknown, status = 200): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(held));
  };
  const gone = (): void => json({ error: { code: 'conversation_not_found', message: '' } }, 404);
  const query = new URL(request.url ?? '', 'http://mock').searchParams;
  if (!id && request.method === 'GET') return json({ data: list(query.get('search') ?? '') });
  if (!id) {
    put(body as unknown as Conversation);
    return json(lineOf(body as unknown as Conversation), 201);
  }
  const one = kept.get(id);
  if (request.method === 'PUT') {
    const line = changed(id, body);
    return line ? json(line) : gone();
  }
  if (!one) return gone();
  if (request.method === 'GET') return json(one);
  kept.delete(id);
  response.writeHead(204).end();
}

seed();
