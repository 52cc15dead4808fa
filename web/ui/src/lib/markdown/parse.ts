/** Markdown of a model into safe HTML. What a model writes is a stranger's text: nothing in it runs,
 *  and nothing in it makes the browser fetch anything. */

import DOMPurify from 'dompurify';
import { blockMath, inlineMath } from './math';
import { Marked, type Token, type TokenizerAndRendererExtension, type Tokens } from 'marked';

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string): string => text.replace(/[&<>"]/g, (sign) => escapes[sign] ?? sign);

/** Stands in the text where another computer went on; from a private area of Unicode (U+E0F1). */
export const SEAM = '\u{e0f1}';

/** The text with marks at the given offsets, in UTF-16 code units. What looks like a mark goes. */
export function withSeams(text: string, seams: readonly number[]): string {
  if (!seams.length && !text.includes(SEAM)) return text;
  const ends = [...seams.filter((at) => at < text.length), text.length];
  const parts = ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end));
  return parts.map((part) => part.replaceAll(SEAM, '')).join(SEAM);
}

const seam: TokenizerAndRendererExtension = {
  name: 'seam',
  level: 'inline',
  start: (source) => source.indexOf(SEAM),
  tokenizer: (source) => (source.startsWith(SEAM) ? { type: 'seam', raw: SEAM } : undefined),
  renderer: () => '<b class="seam"></b>',
};

const marked = new Marked({
  extensions: [seam, inlineMath, blockMath],
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    html: ({ text }) => escape(text),
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    listitem(item) {
      const task = item.task ? ' class="task"' : '';
      return `<li${task}>${this.parser.parse(item.tokens)}</li>`;
    },
    image: ({ text, href }) => `<em class="picture">${escape(text || href)}</em>`,
  },
});

const tags =
  'a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr li ol p pre strong table tbody td th thead tr ul';
const allowed = {
  ALLOWED_TAGS: tags.split(' '),
  ALLOWED_ATTR: ['href', 'title', 'class', 'start', 'align'],
  // These hold words and numbers; everything else that holds text must look like an address.
  ADD_URI_SAFE_ATTR: ['align', 'start'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};

/** Links leave this page and take nothing along. */
const purify = DOMPurify(window);
purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName === 'A') {
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer nofollow');
  }
});

export type Block =
  { kind: 'html'; html: string } | { kind: 'code'; text: string; language: string };

export function tokens(text: string): Token[] {
  return marked.lexer(text).filter((token) => token.type !== 'space');
}

/** Inside code and addresses no mark is drawn. */
const plain = (text: string): string => text.replaceAll(SEAM, '');

export function blockOf(token: Token): Block {
  if (token.type === 'code') {
    const { text, lang } = token as Tokens.Code;
    const language = lang?.split(/\s/)[0] ?? '';
    return { kind: 'code', text: plain(text), language: plain(language) };
  }
  return { kind: 'html', html: plain(purify.sanitize(marked.parser([token]), allowed)) };
}
