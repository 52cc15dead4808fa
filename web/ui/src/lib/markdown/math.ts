/** Formulas in Markdown: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` on their own. They come out of
 *  the parser as code, so that they are legible as they are; once KaTeX is here, it draws them. */

import type { TokenizerAndRendererExtension } from 'marked';

/** Characters of one formula; longer ones stay as they are written. */
const FORMULA_CHARS = 4_000;

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string): string => text.replace(/[&<>"]/g, (sign) => escapes[sign] ?? sign);

/** A dollar is money unless it clings to what it encloses, as in Pandoc: `$5 and $6` holds no formula. */
const inline = [
  /^\$\$((?:\\[^]|[^$\\])+)\$\$/,
  /^\$((?:\\[^]|[^$\\\n])*?(?:\\[^]|[^$\\\s]))\$(?!\d)/,
  /^\\\(([^]+?)\\\)/,
  /^\\\[([^]+?)\\\]/,
];
const block = [/^ {0,3}\$\$([^]+?)\$\$ *(?:\n+|$)/, /^ {0,3}\\\[([^]+?)\\\] *(?:\n+|$)/];

interface Formula {
  raw: string;
  text: string;
}

function first(source: string, rules: readonly RegExp[]): Formula | undefined {
  for (const rule of rules) {
    const [raw, text] = rule.exec(source) ?? [];
    if (raw === undefined || text === undefined || text.length > FORMULA_CHARS) continue;
    if (/^\$\s/.test(raw)) continue;
    return { raw, text: text.trim() };
  }
  return undefined;
}

const isDisplay = (raw: string): boolean => /^\s*(\$\$|\\\[)/.test(raw);

export const inlineMath: TokenizerAndRendererExtension = {
  name: 'inlineMath',
  level: 'inline',
  start: (source) => /\$|\\\(|\\\[/.exec(source)?.index,
  tokenizer(source) {
    const found = first(source, inline);
    return found && { type: 'inlineMath', ...found };
  },
  renderer: ({ raw, text }) => {
    const name = isDisplay(raw) ? 'math display' : 'math';
    return `<code class="${name}">${escape(String(text))}</code>`;
  },
};

export const blockMath: TokenizerAndRendererExtension = {
  name: 'blockMath',
  level: 'block',
  start: (source) => /\n {0,3}(\$\$|\\\[)/.exec(source)?.index,
  tokenizer(source) {
    const found = first(source, block);
    return found && { type: 'blockMath', ...found };
  },
  renderer: ({ text }) => `<p><code class="math display">${escape(String(text))}</code></p>`,
};

/** Draws one formula, which KaTeX makes into markup without scripts, links or pictures. */
export type Draw = (formula: string, display: boolean) => string;

const drawn = /<code class="math( display)?">([^<]*)<\/code>/g;

/** Draws all formulas of sanitised HTML. The class is ours: a model's own HTML comes out as text. */
export function drawnIn(html: string, draw: Draw): string {
  return html.replace(drawn, (whole, display: string | undefined, text: string) => {
    const formula = text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&nbsp;', '\u00a0')
      .replaceAll('&amp;', '&');
    const markup = draw(formula, display !== undefined);
    return markup === '' ? whole : markup;
  });
}

export const holdsMath = (html: string): boolean => html.includes('<code class="math');
