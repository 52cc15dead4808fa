/** Two nodes become one mesh by six digits: the node at PUMASI_URL starts a mesh, the one at
 *  PUMASI_OTHER_URL shows digits, and an admin types them, with its address at PUMASI_OTHER_DOOR. */

import { assert, visit } from './journey.js';

export async function letsInByDigits(browser, base) {
  const other = process.env.PUMASI_OTHER_URL?.replace(/\/$/, '');
  const door = process.env.PUMASI_OTHER_DOOR;
  assert.ok(other && door, 'PUMASI_OTHER_URL and PUMASI_OTHER_DOOR name the newcomer');
  const admin = await visit(browser, base, '/mesh?panel=found');
  await admin.page.getByRole('textbox', { name: 'What is it called?' }).fill('third floor');
  await admin.page.getByRole('button', { name: 'Start it' }).click();
  const newcomer = await visit(browser, other, '/mesh');
  const shown = newcomer.page.locator('.digits span:not([aria-hidden])');
  await shown.last().waitFor();
  const digits = (await shown.allTextContents()).join(' ');
  assert.match(digits, /^\d{3} \d{3}$/);
  await admin.page.getByRole('link', { name: 'Let a computer in' }).click();
  await admin.page.getByRole('textbox', { name: 'Its address' }).fill(door);
  await admin.page.getByRole('textbox', { name: 'The digits on its screen' }).fill(digits);
  await admin.page.getByRole('button', { name: 'Let it in' }).click();
  await admin.page.getByRole('button', { name: 'Look around' }).click();
  for (const { page, complaints, close } of [admin, newcomer]) {
    await page.locator('.hall li a').nth(1).waitFor();
    assert.deepEqual(complaints, []);
    await close();
  }
}
