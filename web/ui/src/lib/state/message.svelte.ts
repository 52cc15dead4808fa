/** One question, or one answer while and after it is written. */

import type { Origin, Piece } from '$lib/api/completion';
import type { Fault } from '$lib/api/fault';

export type Progress = 'waiting' | 'writing' | 'done' | 'stopped' | 'failed';

export class Question {
  readonly role = 'user';
  readonly id = crypto.randomUUID();
  constructor(readonly content: string) {}
}

export class Answer {
  readonly role = 'assistant';
  readonly id = crypto.randomUUID();
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

  constructor(readonly model: string) {}

  get over(): boolean {
    return this.progress !== 'waiting' && this.progress !== 'writing';
  }

  /** Tokens per second: what the engine measured, else what was seen after the first word. */
  get rate(): number | null {
    const { tokens, writtenMs, decodedMs } = this;
    if (tokens && decodedMs) return (tokens * 1_000) / decodedMs;
    return tokens && tokens > 1 && writtenMs ? ((tokens - 1) * 1_000) / writtenMs : null;
  }

  take(piece: Piece): void {
    switch (piece.kind) {
      case 'origin':
        this.origin = piece.origin;
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
      case 'usage':
        this.tokens = piece.completion;
        return;
      case 'decoded':
        this.decodedMs = piece.ms;
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

  #began(): void {
    this.firstMs ??= performance.now() - this.askedAt;
    this.progress = 'writing';
  }

  #elapsed(): number {
    return performance.now() - this.askedAt - (this.firstMs ?? 0);
  }
}

export type Message = Question | Answer;
