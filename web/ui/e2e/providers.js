/** A provider is set up, asked, left out in a rehearsal, and removed; the service is one of the journey's
 *  own, on loopback. */

import { createServer } from 'node:http';
import { ask, assert, barriers, visit } from './journey.js';

const KEY = 'sk-journey-4417';
const model = process.env.PUMASI_MODEL ?? 'starter-chat';

/** Speaks as much of OpenAI's chat completions as a conversation needs, and keeps what it was asked. */
async function service() {
  const seen = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    seen.push({ path: request.url, key: request.headers.authorization });
    if (request.url === '/v1/models') {
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify({ object: 'list', data: [{ id: 'echo' }] }));
    }
    const said = JSON.parse(text).messages.at(-1).content;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const chunk = (delta, finish_reason = null) =>
      response.write(
        `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`,
      );
    chunk({ role: 'assistant', content: `far away they say ${said}` });
    chunk({}, 'stop');
    response.end('data: [DONE]\n\n');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { server, seen, base: `http://127.0.0.1:${server.address().port}/v1` };
}

async function setsUp(page, base) {
  await page.getByRole('link', { name: 'Set one up' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByLabel('Which one?').selectOption('OpenAI-compatible server');
  await dialog.getByLabel('Its address').fill(base);
  const key = dialog.getByLabel('Its key');
  assert.equal(await key.getAttribute('type'), 'password');
  await key.fill(KEY);
  await dialog.getByLabel('What is it called here?').fill('lab');
  assert.deepEqual(await barriers(page), []);
  await dialog.getByRole('button', { name: 'Set it up' }).click();
  await dialog.waitFor({ state: 'detached' });
}

export async function setsUpAProviderAndAsksIt(browser, base) {
  const { server, seen, base: there } = await service();
  const { page, complaints, close } = await visit(browser, base, '/manage/providers');
  await setsUp(page, there);
  const card = page.getByRole('article', { name: 'lab' });
  await card.getByRole('rowheader', { name: 'echo' }).waitFor();
  await card.getByText('kept on this computer', { exact: false }).waitFor();
  await card.getByRole('button', { name: 'Check now' }).click();
  await card.getByText('It answers, with 1 model.').waitFor();
  assert.equal((await page.content()).includes(KEY), false, 'its key is never shown');
  await page.reload();
  await card.waitFor();
  assert.deepEqual(await barriers(page), []);

  await page.goto(base);
  const answer = await ask(page, 'lab/echo', 'good morning');
  assert.match(await answer.locator('.markdown').textContent(), /far away they say good morning/);
  await answer.locator('footer').getByRole('link', { name: 'lab' }).waitFor();
  assert.ok(seen.some(({ path, key }) => path.endsWith('/completions') && key === `Bearer ${KEY}`));

  await page.goto(`${base}/models`);
  await page.getByRole('region', { name: 'at lab' }).getByText('echo').waitFor();
  await page.goto(`${base}/jobs`);
  const row = page.locator('main li a', { hasText: 'lab/echo' }).first();
  await row.click();
  const panel = page.getByRole('complementary', { name: 'lab/echo' });
  await panel.getByRole('link', { name: 'lab' }).waitFor();
  assert.deepEqual(await barriers(page), []);

  await page.goto(`${base}/manage/providers`);
  await card.getByRole('button', { name: 'Remove' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByText('Its key is deleted', { exact: false }).waitFor();
  await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await card.waitFor({ state: 'detached' });
  const left = await (await page.request.get(`${base}/api/v1/providers`)).json();
  assert.equal(
    left.providers.some(({ id }) => id === 'lab'),
    false,
  );
  assert.deepEqual(complaints, []);
  await close();
  await new Promise((done) => server.close(done));
}

export async function settlesWhoIsAsked(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/manage/providers');
  const routing = async () =>
    (await (await page.request.get(`${base}/api/v1/providers`)).json()).routing;
  const part = page.getByRole('region', { name: 'Who is asked' });
  await part.getByRole('radio', { name: 'Nothing leaves the office' }).check();
  await part.getByLabel('Models that stand in: Add a model').selectOption(model);
  await part.getByRole('button', { name: `Take ${model} out` }).waitFor();
  await part.getByRole('button', { name: 'Add a name' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('fast');
  await dialog.getByLabel('Stands for, in this order: Add a model').selectOption(model);
  assert.deepEqual(await barriers(page), []);
  await dialog.getByRole('button', { name: 'Keep the name' }).click();
  await part.getByRole('button', { name: 'Remove fast' }).waitFor();
  await part.getByLabel('Times that a question is put once more').fill('1');
  await part.getByRole('switch', { name: 'Ask a second provider as well' }).check();
  await part.getByLabel('Seconds without a first word').fill('1.5');
  await part.getByRole('switch', { name: 'Pretend that the clouds are down' }).check();
  const banner = page.getByText('Rehearsal: providers outside the office count as down.');
  await banner.waitFor();
  assert.deepEqual(await barriers(page), []);
  const { policy, stand_in, aliases, rehearsal } = await routing();
  assert.deepEqual(
    { policy, stand_in, aliases, rehearsal },
    { policy: 'never_cloud', stand_in: [model], aliases: { fast: [model] }, rehearsal: true },
  );
  const { retries, hedge_after_ms, hedge_paid } = await routing();
  assert.deepEqual([retries, hedge_after_ms, hedge_paid], [1, 1_500, false]);
  await page.getByRole('button', { name: 'End the rehearsal' }).click();
  await banner.waitFor({ state: 'detached' });
  await part.getByRole('button', { name: 'Remove fast' }).click();
  await part.getByRole('button', { name: 'Remove fast' }).waitFor({ state: 'detached' });
  await part.getByRole('button', { name: `Take ${model} out` }).click();
  await part.getByRole('button', { name: `Take ${model} out` }).waitFor({ state: 'detached' });
  await part.getByRole('switch', { name: 'Ask a second provider as well' }).uncheck();
  await part.getByLabel('Seconds without a first word').waitFor({ state: 'detached' });
  await part.getByRole('radio', { name: 'The office first' }).check();
  await page.waitForResponse((reply) => reply.url().endsWith('/api/v1/providers'));
  const after = await routing();
  assert.deepEqual([after.policy, after.stand_in, after.aliases], ['mesh_first', [], {}]);
  assert.deepEqual(complaints, []);
  await close();
}
