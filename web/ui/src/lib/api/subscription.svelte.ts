/** The one event stream. Comes back by itself; a page only sees which of three states it is in. */

import { asFault } from './fault';
import { request } from './http';
import type { Event } from './types';

const kinds = [
  'snapshot',
  'status',
  'node',
  'node_gone',
  'model',
  'model_gone',
  'pull',
  'pull_gone',
  'job',
  'key',
  'providers',
];
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 2_000;

export class Subscription {
  /** `refused`: the node is there but does not know this page any more. */
  state = $state<'connecting' | 'live' | 'lost' | 'refused'>('connecting');
  #source: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT_MS;
  #take: (event: Event) => void;

  constructor(take: (event: Event) => void) {
    this.#take = take;
  }

  /** Opens the stream, or opens it anew at once. */
  open(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource('/api/v1/events');
    this.#source = source;
    source.onopen = () => this.#opened();
    source.onerror = () => void this.#failed(source);
    const receive = ({ data }: MessageEvent<string>): void => this.#take(JSON.parse(data) as Event);
    source.onmessage = receive;
    for (const kind of kinds) source.addEventListener(kind, receive);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #opened(): void {
    this.state = 'live';
    this.#wait = FIRST_WAIT_MS;
  }

  // The browser's own retry gives up on an HTTP error and waits long after a refused connection.
  async #failed(source: EventSource): Promise<void> {
    source.close();
    const reason = await reasonOfSilence();
    if (this.#source !== source) return;
    this.state = reason;
    this.#timer = setTimeout(() => this.open(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }
}

/** An event source never says why it failed; a plain request does. */
async function reasonOfSilence(): Promise<'lost' | 'refused'> {
  try {
    await request('/api/v1/status');
  } catch (thrown) {
    if (asFault(thrown).status === 401) return 'refused';
  }
  return 'lost';
}
