/** Markdown that is still being written: only its last blocks are read again when text is added. */

import type { Token } from 'marked';
import { blockOf, tokens, type Block } from './parse';

/** The last blocks can still change their meaning (a paragraph becomes a heading or a table). */
const UNSETTLED = 2;

export class GrowingMarkdown {
  #settled: Block[] = [];
  #settledChars = 0;
  #text = '';
  #render: (token: Token) => Block;

  constructor(render: (token: Token) => Block = blockOf) {
    this.#render = render;
  }

  /** The blocks of `text`. Cheap where it continues the text of the last call. */
  read(text: string): Block[] {
    if (!text.startsWith(this.#text)) {
      this.#settled = [];
      this.#settledChars = 0;
    }
    this.#text = text;
    const open = tokens(text.slice(this.#settledChars));
    const settling = open.slice(0, -UNSETTLED);
    for (const token of settling) this.#settle(token.raw, this.#render(token));
    return [...this.#settled, ...open.slice(settling.length).map(this.#render)];
  }

  /** Blank lines between blocks belong to no token, so the next one is found by its own text. */
  #settle(raw: string, block: Block): void {
    const found = this.#text.indexOf(raw, this.#settledChars);
    if (found < 0) return;
    this.#settled.push(block);
    this.#settledChars = found + raw.length;
  }
}
