/** One chat turn over `POST /v1/chat/completions`, streamed. Knows the wire, not the page. */

import { Fault, fromBody, isObject } from './fault';
import { post } from './http';
import { EventLines } from './sse';

export interface Said {
  role: 'user' | 'assistant' | 'system';
  content: string;
}

/** Where the answer comes from, as the reply's headers say it before the first token. */
export interface Origin {
  job: string | null;
  node: string | null;
  nodeId: string | null;
  /** The provider that answers, by id, where the mesh does not. */
  provider: string | null;
  why: string | null;
}

export type Piece =
  | { kind: 'origin'; origin: Origin }
  | { kind: 'text'; text: string }
  | { kind: 'thinking'; text: string }
  | { kind: 'usage'; prompt: number; completion: number }
  | { kind: 'finish'; reason: string }
  | { kind: 'decoded'; ms: number };

export async function* complete(
  model: string,
  messages: Said[],
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const body = { model, messages, stream: true, stream_options: { include_usage: true } };
  const reply = await post('/v1/chat/completions', body, signal);
  yield { kind: 'origin', origin: originOf(reply.headers) };
  let finished = false;
  for await (const data of eventsOf(reply)) {
    if (data === '[DONE]') return;
    for (const piece of piecesOf(JSON.parse(data))) {
      finished ||= piece.kind === 'finish';
      yield piece;
    }
  }
  if (!finished) throw new Fault('broken_stream', '');
}

async function* eventsOf(reply: Response): AsyncGenerator<string> {
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
  const lines = new EventLines();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      yield* lines.push(next.value);
    }
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown;
    throw new Fault('broken_stream', '');
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}

/** Names may be percent-encoded, since a header holds ASCII only. */
function originOf(headers: Headers): Origin {
  const value = (name: string): string | null => {
    const text = headers.get(name);
    if (text === null) return null;
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  return {
    job: value('x-pumasi-job'),
    node: value('x-pumasi-node'),
    nodeId: value('x-pumasi-node-id'),
    provider: value('x-pumasi-provider'),
    why: value('x-pumasi-why'),
  };
}

/** What one chunk says, in the order in which it is to be shown. */
export function piecesOf(chunk: unknown): Piece[] {
  if (!isObject(chunk)) return [];
  if (chunk.error) throw fromBody(chunk, null);
  const pieces: Piece[] = [];
  const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : null;
  if (isObject(choice)) {
    const delta = isObject(choice.delta) ? choice.delta : {};
    if (typeof delta.reasoning_content === 'string' && delta.reasoning_content) {
      pieces.push({ kind: 'thinking', text: delta.reasoning_content });
    }
    if (typeof delta.content === 'string' && delta.content) {
      pieces.push({ kind: 'text', text: delta.content });
    }
    if (typeof choice.finish_reason === 'string') {
      pieces.push({ kind: 'finish', reason: choice.finish_reason });
    }
  }
  if (isObject(chunk.usage)) pieces.push(usageOf(chunk.usage));
  return [...pieces, ...measured(chunk.pumasi)];
}

function usageOf(usage: Record<string, unknown>): Piece {
  const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
  const completion = count(usage.completion_tokens);
  return { kind: 'usage', prompt: count(usage.prompt_tokens), completion };
}

/** What the engine itself measured: exact where a page only sees when bytes arrive. */
function measured(extension: unknown): Piece[] {
  const timings = isObject(extension) ? extension.timings : null;
  const ms = isObject(timings) ? timings.decode_ms : null;
  return typeof ms === 'number' && ms > 0 ? [{ kind: 'decoded', ms }] : [];
}
