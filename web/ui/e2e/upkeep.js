/** What whoever looks after the computers does: the check-up, keys for programs, the record. */

import { ask, assert, barriers, visit } from './journey.js';

const model = process.env.PUMASI_MODEL ?? 'starter';

export async function checksTheOffice(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/manage');
  const again = page.getByRole('button', { name: 'Check again' });
  await page.getByText('Checked at', { exact: false }).waitFor();
  const fine = page.locator('details.card');
  if ((await fine.getAttribute('open')) === null) await fine.locator('summary').first().click();
  await page.getByText('In order', { exact: true }).first().waitFor();
  await page.getByText('The engine that runs models', { exact: true }).waitFor();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy as text' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(text, /^\[good\] worker: /m);
  const checked = page.waitForResponse((r) => r.url().endsWith('/api/v1/doctor'));
  await again.click();
  assert.equal((await checked).status(), 200);
  await page.getByText('Checked at', { exact: false }).waitFor();
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(complaints, []);
  await close();
}

export async function makesAndRevokesAKey(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/manage/keys');
  await page.getByRole('link', { name: 'Make a key' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByLabel('Which program is it for?').fill('office bot');
  await dialog.getByLabel('Whose jobs are its jobs?').fill('lee');
  await dialog.getByLabel('jobs', { exact: true }).check();
  await dialog.getByLabel('Tokens a day').fill('5000');
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  const secret = await dialog.locator('code').first().innerText();
  assert.match(secret, /^pumasi-key-[a-z2-7]{52}$/);
  const models = await page.request.get(`${base}/v1/models`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  assert.equal(models.status(), 200);
  assert.deepEqual(await barriers(page), []);
  await dialog.getByRole('button', { name: 'I have it' }).click();
  const card = page.locator('article', { hasText: 'office bot' }).first();
  await card.getByText('asking models, jobs').waitFor();
  await card.getByText('of 5K tokens today', { exact: false }).waitFor();
  await card.getByRole('button', { name: 'Limits' }).click();
  await page.locator('dialog').getByLabel('Tokens a minute').fill('900');
  assert.deepEqual(await barriers(page), []);
  await page.locator('dialog').getByRole('button', { name: 'Set these limits' }).click();
  await card.getByText('900 tokens a minute', { exact: false }).waitFor();
  assert.equal(await page.getByText(secret).count(), 0, 'it is shown once');
  await card.getByRole('button', { name: 'Revoke' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
  await card.getByText('revoked', { exact: true }).waitFor();
  const refused = await page.request.get(`${base}/v1/models`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  assert.equal(refused.status(), 401);
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(complaints, []);
  await close();
}

export async function readsTheRecord(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: quiet words');
  await page.getByRole('navigation').getByRole('link', { name: 'Manage' }).click();
  await page.getByRole('link', { name: 'Record' }).click();
  await page
    .getByRole('cell', { name: /^asked / })
    .first()
    .waitFor();
  await page.getByText('Changes', { exact: true }).click();
  await page
    .getByRole('cell', { name: /^Pumasi .* began$/ })
    .first()
    .waitFor();
  const coming = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Save as CSV' }).click();
  const download = await coming;
  assert.equal(download.suggestedFilename(), 'pumasi-audit.csv');
  const stream = await download.createReadStream();
  let text = '';
  for await (const piece of stream) text += piece;
  assert.match(text, /,asked,/);
  assert.doesNotMatch(text, /quiet/i, 'what was asked is not in it');
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(complaints, []);
  await close();
}
