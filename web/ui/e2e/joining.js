/** Two nodes become one mesh through their pages alone: the node at PUMASI_URL invites the one at
 *  PUMASI_OTHER_URL, which belongs to no mesh yet, and each page then shows both. */

import { assert, visit } from './journey.js';

export async function joinsWithAnInvitation(browser, base) {
  const other = process.env.PUMASI_OTHER_URL?.replace(/\/$/, '');
  assert.ok(other, 'PUMASI_OTHER_URL names the node that is to join');
  const inviting = await visit(browser, base, '/mesh?panel=invite');
  await inviting.page.getByRole('button', { name: 'Make the invitation' }).click();
  const token = await inviting.page.locator('dialog code').last().textContent();
  const joining = await visit(browser, other, '/mesh?panel=join');
  await joining.page.getByRole('textbox', { name: 'Invitation' }).fill(token);
  await joining.page.getByRole('button', { name: 'Join', exact: true }).click();
  await joining.page.getByRole('button', { name: 'Look around' }).click();
  const reply = await inviting.page.request.get(`${base}/api/v1/status`);
  const { members } = await reply.json();
  for (const { page, complaints, close } of [inviting, joining]) {
    await page
      .locator('.hall li a')
      .nth(members - 1)
      .waitFor();
    assert.deepEqual(complaints, []);
    await close();
  }
}
