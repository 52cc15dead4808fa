/** What a person does, against a real node with the starter model. Each is independent of the others. */

import { readFile } from 'node:fs/promises';

import { chat } from './chat.js';
import { looksInsideAModel } from './inspecting.js';
import { ask, assert, barriers, visit } from './journey.js';
import { setsUpAProviderAndAsksIt, settlesWhoIsAsked } from './providers.js';
import { shell } from './shell.js';
import { checksTheOffice, makesAndRevokesAKey, readsTheRecord } from './upkeep.js';
import { seesWhatWasUsed } from './usage.js';

/** The starter model by default; PUMASI_MODEL names another that knows `upper:`. */
const model = process.env.PUMASI_MODEL ?? 'starter';

async function asksAndIsAnswered(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  const answer = await ask(page, model, 'upper: hello');
  assert.match(await answer.locator('.markdown').textContent(), /HELLO/);
  const foot = answer.locator('footer');
  await foot.getByText('Answered by').waitFor();
  assert.match(await foot.innerText(), /first word after/);
  await foot.getByRole('button', { name: 'why here' }).click();
  await answer.locator('[popover] table').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('main textarea').fill('reverse: abc');
  await page.locator('main textarea').press('Enter');
  const second = page.locator('article[aria-busy=false]').nth(1);
  await second.locator('footer').waitFor();
  assert.match(await second.locator('.markdown').textContent(), /cba/);
  assert.deepEqual(complaints, []);
  await close();
}

async function seesTheComputers(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/mesh');
  const tables = page.locator('.hall li a, .tile');
  await tables.first().waitFor();
  const reply = await page.request.get(`${base}/api/v1/nodes`);
  const { data } = await reply.json();
  assert.equal(await tables.count(), data.length);
  for (const { name } of data) await page.getByText(name, { exact: true }).first().waitFor();
  await page.locator('.hall a, .tile').first().click();
  await page.waitForURL(/\/mesh\/[0-9a-f]{64}/);
  await page.getByRole('heading', { name: 'Memory for models' }).waitFor();
  assert.deepEqual(complaints, []);
  await close();
}

async function findsTheJobAndItsWhy(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: why');
  await page.getByRole('navigation').getByRole('link', { name: 'Jobs' }).click();
  await page.locator('main li a', { hasText: model }).first().click();
  await page.waitForURL(/\/jobs\/[0-9a-f-]{36}/);
  const panel = page.getByRole('complementary', { name: model });
  await panel.getByRole('heading', { name: 'Why here' }).waitFor();
  await panel.getByRole('table').first().waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Why here' }).waitFor();
  assert.deepEqual(complaints, []);
  await close();
}

async function wakesAndRestsAModel(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/models');
  const card = page.locator('article', { hasText: model }).first();
  await card.waitFor();
  const details = card.locator('details');
  if ((await details.getAttribute('open')) === null) await card.locator('summary').click();
  const row = card.locator('details li').first();
  const rest = row.getByRole('button', { name: 'Let rest' });
  const wake = row.getByRole('button', { name: 'Wake' });
  await rest.or(wake).waitFor();
  if (await wake.isVisible()) await wake.click();
  await rest.waitFor();
  await rest.click();
  await wake.waitFor();
  await wake.click();
  await rest.waitFor();
  assert.deepEqual(complaints, []);
  await close();
}

async function pausesThisComputerAndResumes(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/mesh');
  await page.locator('.hall a, .tile').first().waitFor();
  const { node } = await (await page.request.get(`${base}/api/v1/status`)).json();
  await page.goto(`${base}/mesh/${node.id}`);
  const panel = page.getByRole('complementary');
  await panel.getByText('Jobs of others may run here.').waitFor();
  await panel.getByText('Pause', { exact: true }).click();
  await panel.getByText('No new jobs of others.', { exact: false }).waitFor();
  await page.reload();
  assert.equal(await panel.getByRole('radio', { name: 'Pause' }).isChecked(), true);
  await panel.getByText('Yes', { exact: true }).click();
  await panel.getByText('Jobs of others may run here.').waitFor();
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(complaints, []);
  await close();
}

async function makesAnInvitation(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/mesh?panel=invite');
  await page.getByRole('button', { name: 'Make the invitation' }).click();
  const token = page.locator('dialog code').last();
  await token.waitFor();
  const text = await token.innerText();
  assert.ok(text.length > 20);
  await page.getByText('Show as a QR code').click();
  await page.getByRole('img', { name: 'Show as a QR code' }).waitFor();
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save as a file' }).click(),
  ]);
  assert.equal(saved.suggestedFilename(), 'pumasi-invitation.txt');
  assert.equal((await readFile(await saved.path(), 'utf8')).trim(), text);
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(complaints, []);
  await close();
}

async function withdrawsAnInvitation(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/mesh?panel=invite');
  await page.getByRole('textbox', { name: 'Whose computer is it?' }).fill('lee');
  await page.getByRole('combobox', { name: 'How long' }).selectOption('one week');
  await page.getByRole('button', { name: 'Make the invitation' }).click();
  await page.locator('dialog code').last().waitFor();
  await page.goto(`${base}/mesh?panel=invite`);
  const open = page.getByRole('listitem').filter({ hasText: 'lee' });
  await open.getByText('used 0 of 1').waitFor();
  assert.deepEqual(await barriers(page), []);
  await open.getByRole('button', { name: 'Withdraw' }).click();
  await open.waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
  await close();
}

async function asksOnceMore(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  const first = await ask(page, model, 'repeat: neighbours');
  await first.getByRole('button', { name: 'Ask again' }).click();
  const answer = page.locator('article[aria-busy=false]');
  await answer.locator('footer').waitFor();
  assert.equal(await answer.count(), 1);
  assert.match(await answer.locator('.markdown').textContent(), /neighbours/);
  assert.deepEqual(complaints, []);
  await close();
}

async function speaksKoreanOnAPhone(browser, base) {
  const options = { locale: 'ko-KR', viewport: { width: 390, height: 844 }, colorScheme: 'dark' };
  const { page, complaints, close } = await visit(browser, base, '/', options);
  await page.getByRole('heading', { name: '무엇을 거들어 드릴까요?' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'ko');
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  const titles = { 컴퓨터: '컴퓨터', 작업: '작업', 모델: '모델', 관리: '점검' };
  for (const [name, title] of Object.entries(titles)) {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await page.getByRole('heading', { name: title, level: 1 }).waitFor();
    const wider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(wider, false, `${name} is wider than the phone`);
    assert.deepEqual(await barriers(page), [], name);
  }
  await page.getByRole('link', { name: '제공자' }).click();
  await page.getByRole('heading', { name: '누구에게 물을까요' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(complaints, []);
  await close();
}

async function leavesNobodyOut(browser, base) {
  const manage = ['/manage', '/manage/keys', '/manage/keys?panel=key', '/manage/record'];
  const elsewhere = ['/manage/usage', '/manage/providers', '/manage/providers?panel=provider'];
  const pages = [
    ...['/', '/chats', '/mesh', '/mesh?panel=invite', '/jobs', '/models'],
    ...manage,
    ...elsewhere,
    '/nowhere',
  ];
  for (const colorScheme of ['light', 'dark']) {
    const { page, close } = await visit(browser, base, '/', { colorScheme });
    await ask(page, model, 'repeat: a door for everybody');
    assert.deepEqual(await barriers(page), []);
    for (const path of pages) {
      await page.goto(base + path);
      await page.locator('h1').first().waitFor();
      assert.deepEqual(await barriers(page), [], `${path} in ${colorScheme}`);
    }
    await close();
  }
}

export const journeys = [
  asksAndIsAnswered,
  ...chat,
  ...shell,
  seesTheComputers,
  findsTheJobAndItsWhy,
  wakesAndRestsAModel,
  pausesThisComputerAndResumes,
  makesAnInvitation,
  checksTheOffice,
  makesAndRevokesAKey,
  readsTheRecord,
  looksInsideAModel,
  seesWhatWasUsed,
  setsUpAProviderAndAsksIt,
  settlesWhoIsAsked,
  withdrawsAnInvitation,
  asksOnceMore,
  speaksKoreanOnAPhone,
  leavesNobodyOut,
];
