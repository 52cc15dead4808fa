/** Small words for a journey: open a page, expect something, say what was seen. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export { assert };

/** Opens a page at phone or desk width and collects everything that a browser complains about. */
export async function visit(browser, base, path, options = {}) {
  const context = await browser.newContext({ locale: 'en', ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== new URL(base).origin) complaints.push(`foreign request: ${url}`);
  });
  await page.goto(base + path);
  return { page, complaints, close: () => context.close() };
}

/** Picks a model, asks on the home page and waits for the end of the answer. */
export async function ask(page, model, question) {
  await page.locator('[popovertarget=models]').click();
  await page.locator('#models button', { hasText: model }).first().click();
  await page.locator('main textarea').fill(question);
  await page.locator('main textarea').press('Enter');
  const answer = page.locator('article[aria-busy]').last();
  await answer.and(page.locator('[aria-busy=false]')).waitFor();
  return answer;
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong with a page, one line each. */
export async function barriers(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}
