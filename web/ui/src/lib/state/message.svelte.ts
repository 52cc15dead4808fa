/** One question, or one answer while and after it is written. */

import type { Origin, Piece } from '$lib/api/completion';
import { Fault } from '$lib/api/fault';
import type { ConversationCall, ConversationFile, ConversationMessage } from '$lib/api/types';
import { ended, factsOf, originOf } from './facts';

/** `left`: the page that asked was closed before the answer was whole. */
export type Progress = 'waiting' | 'writing' | 'done' | 'stopped' | 'failed' | 'left';

export class Question {
  readonly role = 'user';
  constructor(
    readonly content: string,
    readonly parent: string | null = null,
    readonly files: readonly ConversationFile[] = [],
    readonly id: string = crypto.randomUUID(),
    readonly at: number = Date.now(),
  ) {}

  saved(): ConversationMessage {
    const { id, role, content, files } = this;
    const more = files.length ? { files: [...files] } : {};
    return { id, role, content, at_ms: this.at, ...parentOf(this.parent), ...more };
  }
}

export class Answer {
  readonly role = 'assistant';
  readonly askedAt = performance.now();
  content = $state('');
  thinking = $state('');
  progress = $state<Progress>('waiting');
  origin = $state.raw<Origin | null>(null);
  fault = $state.raw<Fault | null>(null);
  finish = $state<string | null>(null);
  tokens = $state<number | null>(null);
  thoughtMs = $state<number | null>(null);
  firstMs = $state<number | null>(null);
  writtenMs = $state<number | null>(null);
  decodedMs = $state<number | null>(null);
  /** Tokens that it was given to think with, and how much it was asked to. */
  budget = $state<number | null>(null);
  effort = $state<string | null>(null);
  /** Where in its text another computer went on. */
  seams = $state.raw<number[]>([]);
  calls = $state.raw<ConversationCall[]>([]);
  /** As it was kept; a fresh answer measures. */
  keptRate = $state<number | null>(null);

  constructor(
    readonly model: string,
    readonly parent: string | null = null,
    readonly id: string = crypto.randomUUID(),
    readonly at: number = Date.now(),
  ) {}

  get over(): boolean {
    return this.progress !== 'waiting' && this.progress !== 'writing';
  }

  /** Tokens per second: what the engine measured, else what was seen after the first word. */
  get rate(): number | null {
    const { tokens, writtenMs, decodedMs } = this;
    if (tokens && decodedMs) return (tokens * 1_000) / decodedMs;
    if (tokens && tokens > 1 && writtenMs) return ((tokens - 1) * 1_000) / writtenMs;
    return this.keptRate;
  }

  take(piece: Piece): void {
    switch (piece.kind) {
      case 'origin':
        this.origin = piece.origin;
        return;
      case 'moved':
        if (this.content) this.seams = [...this.seams, this.content.length];
        this.origin = movedTo(this.origin, piece);
        return;
      case 'thinking':
        this.#began();
        this.thinking += piece.text;
        return;
      case 'text':
        this.#began();
        if (this.thinking && this.thoughtMs === null) this.thoughtMs = this.#elapsed();
        this.content += piece.text;
        return;
      case 'call':
        this.#began();
        this.calls = withPart(this.calls, piece);
        return;
      case 'usage':
        this.tokens = piece.completion;
        return;
      case 'decoded':
        this.decodedMs = piece.ms;
        return;
      case 'budget':
        this.budget = piece.tokens;
        return;
      case 'finish':
        this.finish = piece.reason;
        this.writtenMs = this.#elapsed();
        return;
    }
  }

  end(progress: Progress, fault: Fault | null = null): void {
    this.progress = progress;
    this.fault = fault;
    this.writtenMs ??= this.#elapsed();
  }

  /** Goes on being written: what was measured of its first part says nothing of the whole. */
  resume(): void {
    this.progress = 'writing';
    [this.fault, this.finish] = [null, null];
    [this.tokens, this.decodedMs, this.writtenMs, this.keptRate] = [null, null, null, null];
  }

  saved(): ConversationMessage {
    const { id, role, content, thinking, model, calls } = this;
    return {
      ...{ id, role, content, model, at_ms: this.at, ...parentOf(this.parent) },
      ...(thinking ? { thinking } : {}),
      ...(calls.length ? { calls: [...calls] } : {}),
      facts: factsOf(this),
    };
  }

  /** Takes over what another page has kept of the same answer. */
  restore(kept: ConversationMessage): void {
    const facts = kept.facts ?? {};
    this.content = kept.content;
    this.thinking = kept.thinking ?? '';
    this.calls = kept.calls ?? [];
    this.seams = facts.seams ?? [];
    this.origin = originOf(facts);
    this.tokens = facts.tokens ?? null;
    this.keptRate = facts.tokens_per_s ?? null;
    this.firstMs = facts.first_ms ?? null;
    this.thoughtMs = facts.thought_ms ?? null;
    this.budget = facts.budget ?? null;
    this.effort = facts.effort ?? null;
    [this.writtenMs, this.decodedMs] = [null, null];
    this.finish = facts.end === 'length' ? 'length' : null;
    this.progress = ended(facts.end);
    this.fault = facts.end === 'failed' ? new Fault(facts.error ?? 'http', '') : null;
  }

  #began(): void {
    this.firstMs ??= performance.now() - this.askedAt;
    this.progress = 'writing';
  }

  #elapsed(): number {
    return performance.now() - this.askedAt - (this.firstMs ?? 0);
  }
}

export type Message = Question | Answer;

/** A message as it was kept. */
export function restored(kept: ConversationMessage): Message {
  const parent = kept.parent ?? null;
  if (kept.role === 'user') {
    return new Question(kept.content, parent, kept.files ?? [], kept.id, kept.at_ms);
  }
  const answer = new Answer(kept.model ?? '', parent, kept.id, kept.at_ms);
  answer.restore(kept);
  return answer;
}

function parentOf(parent: string | null): { parent?: string } {
  return parent === null ? {} : { parent };
}

function movedTo(before: Origin | null, to: Piece & { kind: 'moved' }): Origin {
  const { node, provider } = to;
  const place = { node: node?.name ?? null, nodeId: node?.id ?? null, provider };
  return { job: before?.job ?? null, why: null, ...place };
}

/** A call comes in parts: its name first, its arguments piece by piece. */
function withPart(
  calls: readonly ConversationCall[],
  part: Piece & { kind: 'call' },
): ConversationCall[] {
  const before = calls[part.index];
  const name = (before?.name ?? '') + part.name;
  const whole = { name, arguments: (before?.arguments ?? '') + part.arguments };
  return before
    ? calls.map((call, index) => (index === part.index ? whole : call))
    : [...calls, whole];
}
