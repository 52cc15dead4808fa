/** All conversations: their list as the node has it, and those that this page has opened. */

import * as calls from '$lib/api/conversations';
import { asFault, type Fault } from '$lib/api/fault';
import type { Conversation as Kept, ConversationFile, ConversationLine } from '$lib/api/types';
import { Keeper } from './keeper.svelte';

/** What the pages of one browser tell each other; `null`: it was deleted. */
interface News {
  id: string;
  revision: number | null;
}

class Conversations {
  lines = $state.raw<ConversationLine[] | null>(null);
  fault = $state.raw<Fault | null>(null);
  /** The one that was deleted last, as long as it can be taken back. */
  deleted = $state.raw<Kept | null>(null);
  #open = new Map<string, Keeper>();
  #opening = new Map<string, Promise<Keeper>>();
  #search = $state('');
  #turn = 0;
  #others = 'BroadcastChannel' in globalThis ? new BroadcastChannel('pumasi.conversations') : null;

  constructor() {
    if (this.#others) this.#others.onmessage = ({ data }: MessageEvent<News>) => this.#heard(data);
    addEventListener('visibilitychange', () => void this.#look());
    addEventListener('beforeunload', (event) => {
      const owing = [...this.#open.values()].filter(({ owes }) => owes);
      for (const keeper of owing) void keeper.flush();
      if (owing.some(({ state }) => state === 'waiting')) event.preventDefault();
    });
  }

  /** Begins one and asks; several models answer side by side. */
  begin(models: readonly string[], text: string, files: readonly ConversationFile[] = []): Keeper {
    const keeper = new Keeper(models[0] ?? '', (line) => this.#keptHere(line));
    this.#open.set(keeper.conversation.id, keeper);
    keeper.conversation.ask(text, files, [...models]);
    return keeper;
  }

  /** The one that this page has open, if it has. */
  opened(id: string): Keeper | undefined {
    return this.#open.get(id);
  }

  open(id: string): Promise<Keeper> {
    const known = this.#open.get(id);
    if (known) return Promise.resolve(known);
    const opening = this.#opening.get(id) ?? this.#read(id);
    this.#opening.set(id, opening);
    return opening.finally(() => this.#opening.delete(id));
  }

  async #read(id: string): Promise<Keeper> {
    const keeper = new Keeper('', (line) => this.#keptHere(line), id);
    await keeper.load();
    this.#open.set(id, keeper);
    return keeper;
  }

  get searching(): boolean {
    return this.#search !== '';
  }

  async list(search = this.#search): Promise<void> {
    const turn = ++this.#turn;
    this.#search = search;
    try {
      const lines = await calls.listConversations(search);
      if (turn === this.#turn) [this.lines, this.fault] = [lines, null];
    } catch (thrown) {
      if (turn === this.#turn) this.fault = asFault(thrown);
    }
  }

  async rename(id: string, title: string): Promise<void> {
    const open = this.#open.get(id);
    if (open) {
      open.conversation.rename(title);
      await open.flush();
    } else {
      this.#keptHere(await calls.changeConversation(id, { title }));
    }
  }

  /** Deletes one; until something else is deleted it can be taken back. */
  async remove(id: string): Promise<void> {
    const open = this.#open.get(id);
    open?.conversation.stop();
    await open?.flush();
    const kept = await calls.conversation(id);
    await calls.deleteConversation(id);
    this.#forget(id);
    this.deleted = kept;
    this.#others?.postMessage({ id, revision: null } satisfies News);
  }

  async takeBack(): Promise<void> {
    const kept = this.deleted;
    if (!kept) return;
    this.deleted = null;
    this.#keptHere(await calls.importConversation(kept));
  }

  async take(saved: unknown): Promise<ConversationLine> {
    const line = await calls.importConversation(saved);
    this.#keptHere(line);
    return line;
  }

  #forget(id: string): void {
    this.#open.get(id)?.deletedElsewhere();
    this.#open.delete(id);
    this.lines = this.lines?.filter((line) => line.id !== id) ?? null;
  }

  #keptHere(line: ConversationLine): void {
    this.#show(line);
    this.#others?.postMessage({ id: line.id, revision: line.revision } satisfies News);
  }

  #show(line: ConversationLine): void {
    if (this.lines === null || this.#search) return;
    this.lines = [line, ...this.lines.filter(({ id }) => id !== line.id)];
  }

  #heard({ id, revision }: News): void {
    const open = this.#open.get(id);
    if (revision === null) open?.deletedElsewhere();
    else void open?.changedElsewhere(revision);
    if (this.lines) void this.list();
  }

  /** Another browser tells nothing: whoever comes back to this page sees what changed meanwhile. */
  async #look(): Promise<void> {
    if (document.visibilityState !== 'visible' || !this.#open.size) return;
    await this.list();
    if (this.#search) return;
    for (const line of this.lines ?? []) {
      void this.#open.get(line.id)?.changedElsewhere(line.revision);
    }
  }
}

export const conversations = new Conversations();
