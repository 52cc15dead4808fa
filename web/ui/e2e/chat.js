/** Conversations: kept by the node, branched, compared, found, saved, deleted and taken back. */

import { readFile } from 'node:fs/promises';

import { ask, assert, barriers, visit } from './journey.js';

const model = process.env.PUMASI_MODEL ?? 'starter';

/** Waits until the node has all that this page has. */
async function kept(page, base, wanted) {
  const id = page.url().split('/').pop();
  const deadline = Date.now() + 30_000;
  for (;;) {
    const reply = await page.request.get(`${base}/api/v1/conversations/${id}`);
    const held = reply.ok() ? await reply.json() : { messages: [] };
    if (wanted(held)) return held;
    assert.ok(Date.now() < deadline, `not kept in time: ${JSON.stringify(held).slice(0, 400)}`);
    await page.waitForTimeout(100);
  }
}
const whole = (count) => (held) =>
  held.messages.length === count && held.messages.every((one) => !one.facts || one.facts.end);

export async function findsAConversationAgain(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: quiet persimmon');
  await kept(page, base, whole(2));
  await page.reload();
  const answer = page.locator('article[aria-busy=false]');
  await answer.locator('.markdown').getByText('QUIET PERSIMMON').waitFor();
  await answer.getByText('Answered by').waitFor();
  // Another browser of the same computer finds it by its words.
  const other = await visit(browser, base, '/chats');
  await other.page.getByRole('searchbox').fill('QUIET PERS');
  const line = other.page.locator('.line', { hasText: 'upper: quiet persimmon' }).first();
  await line.waitFor();
  assert.deepEqual(await barriers(other.page), []);
  await line.locator('a').first().click();
  await other.page.locator('.markdown').getByText('QUIET PERSIMMON').waitFor();
  assert.deepEqual([...complaints, ...other.complaints], []);
  await other.close();
  await close();
}

export async function branchesAConversation(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: first');
  await page.getByRole('button', { name: 'Edit the question' }).click();
  const field = page.getByRole('textbox', { name: 'Edit the question' });
  await field.fill('upper: second');
  assert.deepEqual(await barriers(page), []);
  await field.press('Enter');
  await page.locator('.markdown').getByText('SECOND').waitFor();
  await page.getByText('2/2').first().waitFor();
  await page.getByRole('button', { name: 'Version before' }).first().click();
  await page.locator('.markdown').getByText('FIRST').waitFor();
  await kept(page, base, whole(4));
  await page.reload();
  await page.locator('.markdown').getByText('FIRST').waitFor();
  await page.getByRole('button', { name: 'Version after' }).first().click();
  await page.locator('.markdown').getByText('SECOND').waitFor();
  assert.deepEqual(complaints, []);
  await close();
}

export async function savesDeletesAndTakesBack(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: to be deleted');
  await kept(page, base, whole(2));
  const id = page.url().split('/').pop();
  await page.getByRole('button', { name: 'More: upper: to be deleted' }).last().click();
  const coming = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Save as a file (JSON)' }).last().click();
  const saved = await (await coming).path();
  assert.match(await readFile(saved, 'utf8'), /TO BE DELETED/);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'More: upper: to be deleted' }).last().click();
  await page.getByRole('button', { name: 'Delete' }).last().click();
  await page.waitForURL(/\/chats$/);
  const gone = await page.request.get(`${base}/api/v1/conversations/${id}`);
  assert.equal(gone.status(), 404);
  assert.deepEqual(await barriers(page), []);
  await page.getByRole('button', { name: 'Take it back' }).click();
  await page.locator('.line', { hasText: 'upper: to be deleted' }).first().waitFor();
  const back = await page.request.get(`${base}/api/v1/conversations/${id}`);
  assert.equal((await back.json()).messages.length, 2);
  // A copy of it comes from the file, beside the one that is there.
  await page.locator('main input[type=file]').setInputFiles({
    name: 'saved.json',
    mimeType: 'application/json',
    buffer: await readFile(saved),
  });
  await page.waitForURL((url) => url.pathname.startsWith('/chat/') && !url.pathname.endsWith(id));
  await page.locator('.markdown').getByText('TO BE DELETED').waitFor();
  assert.deepEqual(complaints, []);
  await close();
}

export async function writesFromTwoWindows(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: from here');
  await kept(page, base, whole(2));
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.locator('.markdown').getByText('FROM HERE').waitFor();
  await other.locator('main textarea').fill('upper: from there');
  await other.locator('main textarea').press('Enter');
  await other.locator('.markdown').getByText('FROM THERE').waitFor();
  await kept(other, base, whole(4));
  await page.getByText('also changed in another window', { exact: false }).waitFor();
  await page.locator('main textarea').fill('upper: and here');
  await page.locator('main textarea').press('Enter');
  await page.locator('.markdown').getByText('AND HERE').waitFor();
  const held = await kept(page, base, whole(6));
  const said = held.messages.map(({ content }) => content).join(' ');
  for (const part of ['FROM HERE', 'FROM THERE', 'AND HERE']) assert.match(said, new RegExp(part));
  assert.deepEqual(complaints, []);
  await close();
}

export async function sendsATextFileAlong(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await page.locator('main textarea').waitFor();
  const files = [
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('held by the file') },
    { name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from('x') },
  ];
  await page.locator('main input[type=file]').setInputFiles(files);
  await page.getByText('notes.txt').waitFor();
  await page.getByText('photo.png: pictures', { exact: false }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await ask(page, model, 'upper: with a file');
  const held = await kept(page, base, whole(2));
  assert.deepEqual(held.messages[0].files, [{ name: 'notes.txt', text: 'held by the file' }]);
  assert.deepEqual(complaints, []);
  await close();
}

/** With one model at hand: two answers of it are shown side by side, and one is gone on with. */
export async function looksAtAnswersSideBySide(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  const first = await ask(page, model, 'repeat: neighbours');
  await first.getByRole('button', { name: 'Ask again' }).click();
  await page.getByText('2/2').waitFor();
  await page.getByRole('button', { name: 'Show side by side' }).click();
  const columns = page.getByRole('group', { name: 'Show side by side' }).locator('section');
  assert.equal(await columns.count(), 2);
  await columns.first().getByRole('button', { name: 'Go on with this one' }).click();
  await columns.first().getByText('Goes on from here').waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `a phone scrolls sideways: ${wide}`);
  assert.deepEqual(complaints, []);
  await close();
}

export async function tellsAConversationHowToAnswer(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: before');
  await page.getByRole('button', { name: 'Options of this conversation' }).click();
  await page.getByLabel('What the model should know', { exact: false }).fill('Be brief.');
  await page.getByLabel('Variety (temperature)').fill('9');
  await page.keyboard.press('Tab');
  await page.getByLabel('Thinking').selectOption('as the question needs');
  assert.deepEqual(await barriers(page), []);
  await page.keyboard.press('Escape');
  const held = await kept(page, base, ({ settings }) => settings?.effort === 'auto');
  assert.deepEqual([held.settings.system, held.settings.temperature], ['Be brief.', 2]);
  const asked = page.waitForRequest((request) => request.url().endsWith('/chat/completions'));
  await page.locator('main textarea').fill('upper: after');
  await page.locator('main textarea').press('Enter');
  const body = (await asked).postDataJSON();
  assert.deepEqual(body.messages[0], { role: 'system', content: 'Be brief.' });
  assert.deepEqual([body.temperature, body.reasoning_effort], [2, 'auto']);
  await page.locator('.markdown').getByText('AFTER').waitFor();
  assert.deepEqual(complaints, []);
  await close();
}

/** What a model writes is drawn, under the policy that the node gives its pages. */
export async function drawsFormulasAndDiagrams(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  const formula = await ask(page, model, 'repeat: so $x^2 + \\href{javascript:alert(1)}{y}$ it is');
  await formula.locator('.katex').first().waitFor();
  assert.equal(await formula.locator('a').count(), await formula.locator('footer a').count());
  const diagram = '```mermaid\nflowchart LR\n  A[Ask] --> B[Answer]\n```';
  const asked = { id: 'm1', role: 'user', at_ms: 1, content: 'draw it' };
  const drawn = { ...asked, id: 'm2', parent: 'm1', role: 'assistant', content: diagram, model };
  // No starter model writes diagrams: this one comes from a file.
  await page.goto(`${base}/chats`);
  const whole = { id: 'drawn', title: 'drawn', created_ms: 1, updated_ms: 1, revision: 1 };
  await page.locator('main input[type=file]').setInputFiles({
    name: 'saved.json',
    mimeType: 'application/json',
    buffer: Buffer.from(
      JSON.stringify({ ...whole, settings: { model }, messages: [asked, drawn] }),
    ),
  });
  const picture = page.locator('figure img');
  await picture.waitFor();
  const size = await picture.evaluate((image) => [image.naturalWidth, image.complete]);
  assert.ok(size[0] > 50 && size[1], `it has a size: ${size}`);
  await page.getByRole('button', { name: 'As text' }).click();
  await page.getByText('flowchart LR').waitFor();
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(complaints, []);
  await close();
}

export const chat = [
  drawsFormulasAndDiagrams,
  findsAConversationAgain,
  branchesAConversation,
  savesDeletesAndTakesBack,
  writesFromTwoWindows,
  sendsATextFileAlong,
  looksAtAnswersSideBySide,
  tellsAConversationHowToAnswer,
];
