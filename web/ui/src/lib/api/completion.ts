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

/** What a question may say beside its words. What is missing is the model's own. */
export interface Wishes {
  temperature?: number;
  max_tokens?: number;
  reasoning_effort?: string;
}

export type Piece =
  | { kind: 'origin'; origin: Origin }
  /** Another computer or provider goes on with the answer from here. */
  | { kind: 'moved'; node: { id: string; name: string } | null; provider: string | null }
  | { kind: 'budget'; tokens: number }
  | { kind: 'call'; index: number; name: string; arguments: string }
  | { kind: 'text'; text: string }
  | { kind: 'thinking'; text: string }
  | { kind: 'usage'; prompt: number; completion: number }
  | { kind: 'finish'; reason: string }
  | { kind: 'decoded'; ms: number };

export async function* complete(
  model: string,
  messages: Said[],
  signal: AbortSignal,
  wishes: Wishes = {},
): AsyncGenerator<Piece> {
  const options = { stream: true, stream_options: { include_usage: true } };
  const body = { model, messages, ...options, ...wishes };
  const reply = await post('/v1/chat/completions', body, signal);
  yield { kind: 'origin', origin: originOf(reply.headers) };
  let finished = false;
  for await (const { data, remark } of eventsOf(reply)) {
    if (remark !== undefined) yield* movedBy(remark);
    if (data === undefined) continue;
    if (data === '[DONE]') return;
    for (const piece of piecesOf(JSON.parse(data))) {
      finished ||= piece.kind === 'finish';
      yield piece;
    }
  }
  if (!finished) throw new Fault('broken_stream', '');
}

interface Line {
  data?: string;
  remark?: string;
}

async function* eventsOf(reply: Response): AsyncGenerator<Line> {
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
  const lines = new EventLines();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      const events = lines.push(next.value);
      yield* lines.remarks().map((remark) => ({ remark }));
      yield* events.map((data) => ({ data }));
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

/** `moved {"node": …, "name": …}`, or with a provider. */
export function movedBy(remark: string): Piece[] {
  const [, json] = /^moved (\{.*\})$/.exec(remark) ?? [];
  if (json === undefined) return [];
  const { node, provider, name }: Record<string, unknown> = JSON.parse(json);
  if (typeof provider === 'string') return [{ kind: 'moved', node: null, provider }];
  if (typeof node !== 'string' || typeof name !== 'string') return [];
  return [{ kind: 'moved', node: { id: node, name }, provider: null }];
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
    if (Array.isArray(delta.tool_calls)) pieces.push(...delta.tool_calls.flatMap(callOf));
    if (typeof choice.finish_reason === 'string') {
      pieces.push({ kind: 'finish', reason: choice.finish_reason });
    }
  }
  if (isObject(chunk.usage)) pieces.push(usageOf(chunk.usage));
  return [...pieces, ...measured(chunk.pumasi)];
}

function callOf(call: unknown): Piece[] {
  if (!isObject(call) || !isObject(call.function)) return [];
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const { name, arguments: given } = call.function;
  const index = typeof call.index === 'number' ? call.index : 0;
  return [{ kind: 'call', index, name: text(name), arguments: text(given) }];
}

function usageOf(usage: Record<string, unknown>): Piece {
  const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
  const completion = count(usage.completion_tokens);
  return { kind: 'usage', prompt: count(usage.prompt_tokens), completion };
}

/** What the engine itself measured: exact where a page only sees when bytes arrive. */
function measured(extension: unknown): Piece[] {
  if (!isObject(extension)) return [];
  const pieces: Piece[] = [];
  const { timings, thinking_budget: tokens } = extension;
  if (typeof tokens === 'number') pieces.push({ kind: 'budget', tokens });
  const ms = isObject(timings) ? timings.decode_ms : null;
  if (typeof ms === 'number' && ms > 0) pieces.push({ kind: 'decoded', ms });
  return pieces;
}
