import { describe, expect, test } from 'vitest';
import { draw } from './katex';
import { drawnIn, holdsMath } from './math';
import { pictureOf } from './mermaid';
import { blockOf, tokens } from './parse';

const html = (text: string): string =>
  tokens(text)
    .map(blockOf)
    .map((block) => (block.kind === 'html' ? block.html : block.text))
    .join('');

test.each([
  ['a $x^2$ b', '<code class="math">x^2</code>'],
  ['a \\(x\\) b', '<code class="math">x</code>'],
  ['$$\nx < 1\n$$\n', '<code class="math display">x &lt; 1</code>'],
  ['\\[x\\]', '<code class="math display">x</code>'],
  ['in a line $$x$$ too', '<code class="math display">x</code>'],
  ['| a |\n|--|\n| $x$ |', '<code class="math">x</code>'],
])('%j holds a formula', (text, part) => {
  expect(html(text)).toContain(part);
});

test.each([
  'It costs $5, or $6.',
  'From $ 5 to 6 $ a piece',
  '`$x$` in code',
  '```\n$x$\n```',
  'One \\$x\\$ that is escaped',
  `$${'x'.repeat(5_000)}$`,
])('%.40j holds none', (text) => {
  expect(holdsMath(html(text))).toBe(false);
});

test('formulas are drawn, broken ones stay as they are written', () => {
  const drawn = drawnIn(html('$x < y$ and $\\frac{1}{$'), draw);
  expect(drawn).toContain('class="katex"');
  expect(drawn).toContain('<code class="math">\\frac{1}{</code>');
});

describe('cat_h40_hostile_formulas_and_diagrams_are_harmless', () => {
  test.each([
    '$\\href{javascript:alert(1)}{x}$',
    '$\\url{javascript:alert(1)}$',
    '$\\includegraphics{https://example.org/track.png}$',
    '$\\htmlData{onclick=alert(1)}{x}$',
    '$\\text{<img src=x onerror=alert(1)>}$',
    '$<script>alert(1)</script>$',
    '$\\def\\x{\\x\\x}\\x$',
    '$\\rule{99999em}{99999em}$',
    '<code class="math">\\href{javascript:alert(1)}{x}</code>',
  ])('%s', (hostile) => {
    const page = document.createElement('div');
    page.innerHTML = drawnIn(html(hostile), draw);
    expect(page.querySelector('script, img, iframe, object, a[href]')).toBeNull();
    for (const element of page.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        expect(name.startsWith('on')).toBe(false);
        expect(value).not.toMatch(/^\s*(javascript|data):|99999em/i);
      }
    }
  });

  test('what is drawn of a diagram leads nowhere and runs nothing', () => {
    const markup =
      '<svg viewBox="0 0 20 10">' +
      '<script>alert(1)</script><a href="javascript:alert(1)"><text onclick="alert(1)">x</text></a>' +
      '<image href="https://example.org/track.png"/><foreignObject><img src=x></foreignObject>' +
      '<use href="#arrow"/></svg>';
    const { address, width, height } = pictureOf(markup, 'a > b { fill: red }');
    const text = decodeURIComponent(address.slice(address.indexOf(',') + 1));
    expect([width, height]).toEqual([20, 10]);
    expect(text).not.toMatch(/script|onclick|https:|foreignObject|<img/i);
    expect(text).toContain('#arrow');
    expect(text).toContain('<style>a > b');
    expect(
      new DOMParser().parseFromString(text, 'image/svg+xml').querySelector('parsererror'),
    ).toBeNull();
  });
});
