/** Keeps one conversation on the node: what changed goes there soon, again where it did not arrive, and
 *  what another page wrote comes back. Nothing is kept in the browser. */

import * as calls from '$lib/api/conversations';
import { asFault, type Fault } from '$lib/api/fault';
import type { ConversationLine, ConversationMessage } from '$lib/api/types';
import { Conversation } from './conversation.svelte';

const SOON_MS = 400;
const AGAIN_MS = 3_000;
/** Characters of messages in one request: a body holds 2 MiB. */
const REQUEST_CHARS = 600_000;

/** `gone`: it was deleted elsewhere, and is only here. */
export type Keeping = 'kept' | 'keeping' | 'waiting' | 'gone';

export class Keeper {
  readonly conversation: Conversation;
  state = $state<Keeping>('kept');
  fault = $state.raw<Fault | null>(null);
  /** Another page wrote to it, too; both are kept. */
  mixed = $state(false);
  revision: number | null = null;
  #dirty = new Set<string>();
  #head = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #kept: (line: ConversationLine) => void;

  constructor(model: string, kept: (line: ConversationLine) => void, id?: string) {
    this.#kept = kept;
    this.conversation = new Conversation(model, id, (message) => this.touch(message));
  }

  /** Whether this page holds what is not on the node yet. */
  get owes(): boolean {
    return this.#dirty.size > 0 || this.#head || this.#busy;
  }

  touch(message: string | null): void {
    if (message === null) this.#head = true;
    else this.#dirty.add(message);
    if (this.state === 'gone') return;
    if (this.state === 'kept') this.state = 'keeping';
    if (this.state === 'keeping') this.#soon(SOON_MS);
  }

  /** Reads it from the node, and takes over what came there. */
  async load(): Promise<void> {
    const kept = await calls.conversation(this.conversation.id);
    const isOurs = (message: string | null): boolean =>
      message === null ? this.#head : this.#dirty.has(message);
    this.conversation.merge(kept, isOurs);
    this.revision = kept.revision;
  }

  /** Another page says that it changed. */
  async changedElsewhere(revision: number): Promise<void> {
    if (this.revision === null || revision <= this.revision || this.#busy) return;
    const seen = this.conversation.messages.length > 0;
    try {
      await this.load();
      this.mixed = seen;
    } catch {
      // The next change, or the next look, tries again.
    }
  }

  /** It was deleted elsewhere; a person may keep what is here. */
  deletedElsewhere(): void {
    clearTimeout(this.#timer);
    this.state = 'gone';
  }

  /** Keeps all that is here as if it were new. */
  keepAnyway(): void {
    this.revision = null;
    this.#head = true;
    for (const { id } of this.conversation.all) this.#dirty.add(id);
    this.state = 'keeping';
    void this.flush();
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#busy || this.state === 'gone' || !(this.#dirty.size || this.#head)) return;
    this.#busy = true;
    const [ids, head] = [this.#next(), this.#head];
    for (const id of ids) this.#dirty.delete(id);
    this.#head = false;
    try {
      await this.#send(ids, head);
      this.state = 'kept';
      this.fault = null;
    } catch (thrown) {
      for (const id of ids) this.#dirty.add(id);
      this.#head ||= head;
      this.#failed(asFault(thrown));
    } finally {
      this.#busy = false;
    }
    if ((this.#dirty.size || this.#head) && this.state === 'kept') {
      this.state = 'keeping';
      this.#soon(SOON_MS);
    }
  }

  async #send(ids: string[], head: boolean): Promise<void> {
    const { title } = this.conversation;
    const more = head ? { title, settings: this.conversation.settings() } : {};
    const before = this.revision;
    const line = await calls.changeConversation(this.conversation.id, {
      revision: before,
      messages: this.#messages(ids),
      ...more,
    });
    this.revision = line.revision;
    this.#kept(line);
    // Somebody else wrote in between.
    if (before !== null && line.revision > before + 1) {
      await this.load();
      this.mixed = true;
    }
  }

  /** As many as fit into one request, in the order in which they came. */
  #next(): string[] {
    const ids: string[] = [];
    let chars = 0;
    for (const message of this.conversation.all) {
      if (!this.#dirty.has(message.id)) continue;
      chars += message.content.length + 1_000;
      if (ids.length && chars > REQUEST_CHARS) break;
      ids.push(message.id);
    }
    return ids;
  }

  #messages(ids: string[]): ConversationMessage[] {
    const wanted = new Set(ids);
    return this.conversation.all.filter(({ id }) => wanted.has(id)).map((one) => one.saved());
  }

  #failed(fault: Fault): void {
    this.fault = fault;
    if (fault.code === 'conversation_not_found') {
      this.deletedElsewhere();
      return;
    }
    this.state = 'waiting';
    this.#soon(AGAIN_MS);
  }

  #soon(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), ms);
  }
}
