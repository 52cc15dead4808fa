import type { Token } from 'marked';
import { describe, expect, test } from 'vitest';
import { GrowingMarkdown } from './growing';
import { blockOf, tokens, type Block } from './parse';

const html = (text: string): string =>
  tokens(text)
    .map(blockOf)
    .map((block) => (block.kind === 'html' ? block.html : block.text))
    .join('');

describe('cat_h40_hostile_output_is_text', () => {
  test.each([
    ['<img src=x onerror=alert(1)>'],
    ['<script>alert(1)</script>'],
    ['<svg><script>alert(1)</script></svg>'],
    ['![picture](https://example.org/track.png)'],
    ['[click](javascript:alert(1))'],
    ['[click](data:text/html,hi)'],
    ['<a href="javascript:alert(1)" onclick="x()">a</a>'],
    ['| a |\n|--|\n| <iframe src="//x"> |'],
    ['[x]: javascript:alert(1)\n\n[x]'],
    ['<style>body{display:none}</style>'],
    ['<form action="//x"><input type="text" autofocus onfocus=alert(1)></form>'],
  ])('%s', (hostile) => {
    const page = document.createElement('div');
    page.innerHTML = html(hostile);
    const banned = 'script,img,svg,iframe,style,form,object,embed,link,input';
    expect(page.querySelector(banned)).toBeNull();
    for (const element of page.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        expect(name.startsWith('on')).toBe(false);
        expect(value).not.toMatch(/^\s*(javascript|data):/i);
      }
    }
  });
});

test('links open elsewhere and take nothing along', () => {
  expect(html('[a](https://example.org)')).toContain('rel="noopener noreferrer nofollow"');
});

test.each([
  ['| a |\n|--:|\n| 1 |', 'align="right"'],
  ['- [x] done', '<li class="task">☑ done'],
  ['3. third', 'start="3"'],
])('keeps what %j means', (text, part) => {
  expect(html(text)).toContain(part);
});

const answer = [
  '# Title\n\nSome *words* and `code`.\n\n',
  '- one\n- two\n  - three\n\n1. first\n2. second\n\n',
  '```rust\nfn main() {}\n\nlet x = 1;\n```\n\n',
  '| a | b |\n|---|---|\n| 1 | 2 |\n\nEnd\n===\n\nA repeated line.\n\nA repeated line.\n\n> quoted\n',
].join('');

test('text that grows by any steps ends as the whole text reads', () => {
  const plain = (token: Token): Block => ({
    kind: 'html',
    html: JSON.stringify({ ...token, raw: '' }),
  });
  const whole = tokens(answer).map(plain);
  for (const step of [1, 2, 3, 7, 50]) {
    const growing = new GrowingMarkdown(plain);
    for (let end = 0; end < answer.length; end += step) growing.read(answer.slice(0, end));
    expect(growing.read(answer)).toEqual(whole);
  }
});

test('other text is read anew', () => {
  const growing = new GrowingMarkdown();
  growing.read('# one\n\ntwo\n\nthree\n\nfour');
  expect(growing.read('five')).toEqual(tokens('five').map(blockOf));
});
