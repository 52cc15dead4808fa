/** Who used how much of what, where, and how it went. */

import { ask, assert, barriers, visit } from './journey.js';

const model = process.env.PUMASI_MODEL ?? 'starter';

export async function seesWhatWasUsed(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: quiet words');
  await page.goto(`${base}/manage`);
  await page.getByRole('link', { name: 'Usage', exact: true }).click();
  const row = page.getByRole('row', { name: new RegExp(model) }).first();
  await row.waitFor();
  assert.ok(Number(await row.getByRole('cell').first().innerText()) >= 1, 'it was counted');
  await page.getByText('Who helped', { exact: true }).first().click();
  await page.waitForURL(/by=place/);
  const { data } = await (await page.request.get(`${base}/api/v1/nodes`)).json();
  const names = data.map(({ name }) => name).join('|');
  await page
    .getByRole('rowheader', { name: new RegExp(`^(${names})$`) })
    .first()
    .waitFor();
  const coming = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Save as CSV' }).click();
  const stream = await (await coming).createReadStream();
  let text = '';
  for await (const piece of stream) text += piece;
  assert.match(text, /^\ufeffday,person,key,/);
  assert.doesNotMatch(text, /quiet/i, 'what was asked is not in it');
  await page.getByRole('heading', { name: 'How it went' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `a phone scrolls sideways: ${wide}`);
  assert.deepEqual(complaints, []);
  await close();
}
