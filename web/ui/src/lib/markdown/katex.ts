/** KaTeX, which only a page with formulas loads. Nothing in a formula may name an address, define what
 *  lasts, or grow without end. */

import katex from 'katex';
import 'katex/dist/katex.min.css';
import type { Draw } from './math';

export const draw: Draw = (formula, displayMode) => {
  try {
    return katex.renderToString(formula, {
      displayMode,
      output: 'htmlAndMathml',
      throwOnError: true,
      strict: 'ignore',
      trust: false,
      errorColor: 'var(--trouble)',
      maxSize: 20,
      maxExpand: 200,
    });
  } catch {
    // What is no formula, or half of one, stays as it is written.
    return '';
  }
};
