/** Conversations that the node keeps for its person. */

import { post, read, request } from './http';
import type { Conversation, ConversationChange, ConversationLine } from './types';

const at = (id: string): string => `/api/v1/conversations/${encodeURIComponent(id)}`;

/** Those that were changed last first, or those that hold what is searched for. */
export async function listConversations(
  search: string,
  signal?: AbortSignal,
): Promise<ConversationLine[]> {
  const query = new URLSearchParams({ limit: '2000', ...(search && { search }) });
  const list = await read<{ data: ConversationLine[] }>(`/api/v1/conversations?${query}`, signal);
  return list.data;
}

export const conversation = (id: string): Promise<Conversation> => read(at(id));

/** The address of a conversation as a file. */
export const savedAt = (id: string, format: 'file' | 'markdown'): string =>
  `${at(id)}?format=${format}`;

/** Begins one, or adds to it. */
export async function changeConversation(
  id: string,
  change: Partial<ConversationChange>,
): Promise<ConversationLine> {
  const headers = { 'content-type': 'application/json' };
  const reply = await request(at(id), { method: 'PUT', headers, body: JSON.stringify(change) });
  return (await reply.json()) as ConversationLine;
}

/** Takes one that was saved. */
export async function importConversation(saved: unknown): Promise<ConversationLine> {
  return (await (await post('/api/v1/conversations', saved)).json()) as ConversationLine;
}

export async function deleteConversation(id: string): Promise<void> {
  await request(at(id), { method: 'DELETE' });
}
