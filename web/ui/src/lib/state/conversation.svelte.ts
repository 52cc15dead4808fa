/** Conversations of this page. They live in memory: keeping them is the node's work, not a browser's. */

import { complete, type Said } from '$lib/api/completion';
import { asFault } from '$lib/api/fault';
import { Answer, Question, type Message } from './message.svelte';
import { paced } from './paced';

export class Conversation {
  readonly id = crypto.randomUUID();
  messages = $state.raw<Message[]>([]);
  model = $state('');
  #abort: AbortController | null = null;

  constructor(model: string) {
    this.model = model;
  }

  get title(): string {
    return this.messages[0]?.role === 'user' ? this.messages[0].content : '';
  }

  get writing(): boolean {
    const last = this.messages.at(-1);
    return last?.role === 'assistant' && !last.over;
  }

  get questions(): number {
    return this.messages.filter((message) => message.role === 'user').length;
  }

  ask(text: string): void {
    if (this.writing) return;
    this.messages = [...this.messages, new Question(text)];
    void this.#answer();
  }

  /** Asks the last question once more, in place of its answer. */
  again(): void {
    if (this.writing) return;
    this.messages = this.messages.filter((message, index) => {
      return message.role === 'user' || index < this.messages.length - 1;
    });
    void this.#answer();
  }

  stop(): void {
    this.#abort?.abort();
  }

  async #answer(): Promise<void> {
    const said = history(this.messages);
    const answer = new Answer(this.model);
    this.messages = [...this.messages, answer];
    const abort = new AbortController();
    this.#abort = abort;
    const shown = paced((piece) => answer.take(piece));
    try {
      for await (const piece of complete(this.model, said, abort.signal)) shown.take(piece);
      shown.flush();
      answer.end('done');
    } catch (thrown) {
      shown.flush();
      if (abort.signal.aborted) answer.end('stopped');
      else answer.end('failed', asFault(thrown));
    }
  }
}

/** What the model is told: thinking is left out, and so is an answer that never came. */
function history(messages: Message[]): Said[] {
  return messages
    .filter((message) => message.content !== '')
    .map(({ role, content }) => ({ role, content }));
}

class Conversations {
  all = $state.raw<Conversation[]>([]);

  begin(model: string, question: string): Conversation {
    const conversation = new Conversation(model);
    this.all = [conversation, ...this.all];
    conversation.ask(question);
    return conversation;
  }

  find(id: string): Conversation | undefined {
    return this.all.find((conversation) => conversation.id === id);
  }
}

export const conversations = new Conversations();
