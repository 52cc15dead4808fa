/** One model, taken apart: what it is made of and what it takes, in words and pictures. */

import { assert, barriers, visit } from './journey.js';

const model = process.env.PUMASI_MODEL ?? 'starter';

export async function looksInsideAModel(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/models');
  const card = page.locator('article', { has: page.getByRole('heading', { name: model }) });
  await card.first().getByRole('link', { name: 'Look inside' }).click();
  await page.waitForURL(/\/models\/[^/]+$/);
  for (const name of ['Where its parameters are', 'The stack', 'Bits of each part']) {
    await page.getByRole('heading', { name, exact: true }).waitFor();
  }
  const shares = page.getByRole('list', { name: 'Share of each part in all parameters' });
  assert.match(await shares.innerText(), /Feed-forward|Experts/);
  await page.getByText('q8_0', { exact: true }).first().click();
  await page.waitForURL(/cache=q8_0/);
  await page.getByRole('heading', { name: 'What loading takes' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `a phone scrolls sideways: ${wide}`);
  await page.getByRole('link', { name: 'All models' }).click();
  await page.waitForURL(/\/models$/);
  assert.deepEqual(complaints, []);
  await close();
}
