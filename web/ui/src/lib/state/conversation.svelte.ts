/** One conversation: its tree of messages, what is asked along, and the answers under way. Keeping it
 *  is the work of its keeper. */

import { complete, type Said, type Wishes } from '$lib/api/completion';
import { asFault } from '$lib/api/fault';
import type { Conversation as Kept, ConversationFile, ConversationSettings } from '$lib/api/types';
import { childrenOf, leafOf, newestBelow, pathTo } from '$lib/chat/tree';
import { asked } from '$lib/chat/files';
import { Answer, Question, restored, type Message } from './message.svelte';
import { paced } from './paced';

/** What a keeper hears: a message that changed, or `null` for title and settings. */
export type Touch = (message: string | null) => void;

/** How often an answer that is being written is kept. */
const KEEP_EVERY_MS = 4_000;
const TITLE_CHARS = 90;

export class Conversation {
  title = $state('');
  model = $state('');
  system = $state('');
  temperature = $state<number | null>(null);
  maxTokens = $state<number | null>(null);
  effort = $state('');
  all = $state.raw<Message[]>([]);
  leaf = $state<string | null>(null);
  running = $state.raw<Answer[]>([]);
  /** Questions whose answers a person wants side by side, or one by one. */
  beside = $state.raw<Record<string, boolean>>({});
  #aborts = new Map<string, AbortController>();

  /** What is shown: from the first message to the leaf. */
  messages = $derived(pathTo(this.all, leafOf(this.all, this.leaf)));
  #children = $derived(childrenOf(this.all));

  constructor(
    model: string,
    readonly id: string = crypto.randomUUID(),
    private touch: Touch = () => undefined,
  ) {
    this.model = model;
  }

  get writing(): boolean {
    return this.running.length > 0;
  }

  get questions(): number {
    return this.messages.filter((message) => message.role === 'user').length;
  }

  /** A message and its versions, in the order in which they came. */
  versions(message: Message): Message[] {
    const own = this.#children.get(message.parent) ?? [];
    const siblings = own.includes(message) ? own : (this.#children.get(null) ?? []);
    return siblings.filter(({ role }) => role === message.role);
  }

  /** Shows a version, and of what follows it the branch that was begun last. */
  show(message: Message): void {
    this.leaf = newestBelow(this.all, message.id);
    this.touch(null);
  }

  /** Asks one model, or several at once to compare them. */
  ask(text: string, files: readonly ConversationFile[] = [], models = [this.model]): void {
    if (this.writing) return;
    const question = new Question(text, this.messages.at(-1)?.id ?? null, files);
    this.title ||= titleOf(text, files);
    this.#ask(question, models);
  }

  /** Asks a question anew in other words; what was there stays as a version. */
  edit(question: Question, text: string): void {
    if (this.writing) return;
    this.#ask(new Question(text, question.parent, question.files), [this.model]);
  }

  /** Asks the question of an answer once more; the answer stays as a version. */
  again(answer: Answer | null = null, model = this.model): void {
    const last = answer ?? this.messages.findLast(({ role }) => role === 'assistant');
    if (this.writing || last?.role !== 'assistant' || last.parent === null) return;
    this.#begin(last.parent, model);
  }

  /** Lets an answer that broke off, or was cut, go on where it ended. */
  resume(answer: Answer): void {
    if (this.writing) return;
    answer.resume();
    void this.#write(answer);
  }

  stop(): void {
    for (const abort of this.#aborts.values()) abort.abort();
  }

  rename(title: string): void {
    this.title = title;
    this.touch(null);
  }

  /** Keeps what was changed of what is asked along. */
  settle(): void {
    this.touch(null);
  }

  settings(): ConversationSettings {
    const { model, system, temperature, maxTokens, effort } = this;
    const leaf = leafOf(this.all, this.leaf);
    return {
      model,
      ...(system && { system }),
      ...(temperature !== null && { temperature }),
      ...(maxTokens !== null && { max_tokens: maxTokens }),
      ...(effort && { effort }),
      ...(leaf !== null && { leaf }),
    };
  }

  /** Takes over what is kept. Messages that are under way, or not kept yet, stay as they are. */
  merge(kept: Kept, isOurs: (message: string | null) => boolean): void {
    const known = new Map(this.all.map((message) => [message.id, message]));
    const fresh: Message[] = [];
    for (const message of kept.messages) {
      const here = known.get(message.id);
      if (!here) fresh.push(restored(message));
      else if (here.role === 'assistant' && here.over && !isOurs(here.id)) here.restore(message);
    }
    if (fresh.length) this.all = [...this.all, ...fresh];
    if (isOurs(null)) return;
    const { settings } = kept;
    this.title = kept.title;
    this.model = settings.model;
    this.system = settings.system ?? '';
    this.temperature = settings.temperature ?? null;
    this.maxTokens = settings.max_tokens ?? null;
    this.effort = settings.effort ?? '';
    // Whoever reads here goes on reading the branch that is shown.
    if (!known.size) this.leaf = settings.leaf ?? null;
  }

  #ask(question: Question, models: readonly string[]): void {
    this.all = [...this.all, question];
    this.touch(question.id);
    for (const model of models) this.#begin(question.id, model);
  }

  #begin(parent: string, model: string): void {
    const answer = new Answer(model, parent);
    answer.effort = this.effort || null;
    this.all = [...this.all, answer];
    // Of several at once, the first is shown.
    if (!this.running.some((other) => other.parent === parent)) this.leaf = answer.id;
    this.touch(null);
    void this.#write(answer);
  }

  async #write(answer: Answer): Promise<void> {
    const said = this.#said(answer);
    this.running = [...this.running, answer];
    const abort = new AbortController();
    this.#aborts.set(answer.id, abort);
    const shown = paced((piece) => answer.take(piece));
    const keeping = setInterval(() => this.touch(answer.id), KEEP_EVERY_MS);
    try {
      const pieces = complete(answer.model, said, abort.signal, this.#wishes());
      for await (const piece of pieces) shown.take(piece);
      shown.flush();
      answer.end('done');
    } catch (thrown) {
      shown.flush();
      if (abort.signal.aborted) answer.end('stopped');
      else answer.end('failed', asFault(thrown));
    }
    clearInterval(keeping);
    this.#aborts.delete(answer.id);
    this.running = this.running.filter((other) => other !== answer);
    this.touch(answer.id);
  }

  /** What the model is told: thinking is left out, and so is an answer that never came. */
  #said(answer: Answer): Said[] {
    const path = pathTo(this.all, answer.id).filter(({ content, role }) => {
      return role === 'user' || content !== '';
    });
    const said = path.map((message): Said => {
      const { role, content } = message;
      return { role, content: role === 'user' ? asked(content, message.files) : content };
    });
    return this.system ? [{ role: 'system', content: this.system }, ...said] : said;
  }

  #wishes(): Wishes {
    return {
      ...(this.temperature !== null && { temperature: this.temperature }),
      ...(this.maxTokens !== null && { max_tokens: this.maxTokens }),
      ...(this.effort && { reasoning_effort: this.effort }),
    };
  }
}

function titleOf(text: string, files: readonly ConversationFile[]): string {
  const line = text.trim().split('\n')[0] || files[0]?.name || '';
  const signs = [...line];
  return signs.length > TITLE_CHARS ? `${signs.slice(0, TITLE_CHARS).join('')}…` : line;
}
