/** Screenshots of every page: `node e2e/shots.js FOLDER [FILTER]` against PUMASI_URL. */

import { mkdirSync } from 'node:fs';
import { launch } from './browser.js';

const base = process.env.PUMASI_URL ?? 'http://127.0.0.1:4173';
const [folder = 'shots', filter = ''] = process.argv.slice(2);
const widths = { phone: [390, 844], tablet: [1024, 768], desk: [1680, 1000] };
const settle = (page) => page.waitForTimeout(700);

/** Asks on the home page and waits until the answer is whole. */
const asking =
  (question, { whole = true } = {}) =>
  async (page) => {
    await page.locator('textarea').fill(question);
    await page.locator('textarea').press('Enter');
    await page.locator('article[aria-busy]').first().waitFor();
    if (whole)
      await page.locator('article[aria-busy=false] footer, [role=alert]').first().waitFor();
  };
const opening = (selector) => async (page) => {
  await page.locator(selector).first().click();
};

/** Adds a second model, and asks both. */
const comparing = (question) => async (page) => {
  await page.locator('[popovertarget=compared]').click();
  await page.locator('#compared button').first().click();
  await asking(question)(page);
  await page.locator('article[aria-busy=true]').first().waitFor({ state: 'detached' });
};

const pages = {
  home: ['/'],
  picker: ['/', opening('[popovertarget=models]')],
  chat: ['/', asking('How does placement work?')],
  writing: ['/', asking('long: please', { whole: false })],
  crash: ['/', asking('crash: now')],
  maths: ['/', asking('maths: please')],
  hostile: ['/', asking('hostile: now')],
  mesh: ['/mesh'],
  card: ['/mesh', opening('.hall a, .tile')],
  invite: ['/mesh?panel=invite'],
  token: ['/mesh?panel=invite', opening('dialog [type=submit]')],
  join: ['/mesh?panel=join'],
  preferences: ['/', opening('[popovertarget=preferences]')],
  missing: ['/nowhere'],
  gone: ['/chat/none'],
  chats: ['/chats'],
  long: ['/chat/long'],
  menu: ['/chats', opening('.line button')],
  options: ['/chat/seed-0', opening('[popovertarget=options]')],
  edit: ['/chat/seed-1', opening('article + footer button:last-child')],
  compare: ['/', comparing('How does placement work?')],
  jobs: ['/jobs'],
  job: ['/jobs', opening('main li a')],
  models: ['/models'],
  inspect: ['/models/llama3.1-8b'],
  sliding: ['/models/gemma-3-12b'],
  experts: ['/models/qwen3-30b-a3b'],
  hub: ['/models/hub?q=office%2Fstarter-GGUF'],
  checkup: ['/manage'],
  keys: ['/manage/keys'],
  makekey: ['/manage/keys?panel=key'],
  record: ['/manage/record'],
  usage: ['/manage/usage'],
  settings: ['/manage/settings'],
  palette: ['/mesh', (page) => page.keyboard.press('Control+k')],
  shortcuts: ['/mesh', (page) => page.keyboard.press('?')],
  providers: ['/manage/providers'],
  setup: ['/manage/providers?panel=provider'],
  alias: [
    '/manage/providers',
    opening('section .button:has-text("name"), section .button:has-text("이름")'),
  ],
};

const browser = await launch();
mkdirSync(folder, { recursive: true });
const mocks = (process.env.MOCKS ?? '3').split(',');
for (const [size, [width, height]] of Object.entries(widths)) {
  for (const theme of (process.env.THEMES ?? 'light,dark,glass,xp,dancheong').split(',')) {
    for (const locale of ['en', 'ko']) {
      for (const mock of mocks) {
        for (const [name, [path, act]] of Object.entries(pages)) {
          const file = `${name}-${mock}-${size}-${theme}-${locale}`;
          if (!new RegExp(filter).test(file)) continue;
          const page = await browser.newPage({ viewport: { width, height }, locale });
          await page.addInitScript((theme) => localStorage.setItem('pumasi.theme', theme), theme);
          page.on('pageerror', (error) => console.log(file, error.message));
          await page.goto(`${base}${path}${path.includes('?') ? '&' : '?'}mock=${mock}`);
          await settle(page);
          await act?.(page);
          await settle(page);
          await page.screenshot({ path: `${folder}/${file}.png` });
          await page.close();
        }
      }
    }
  }
}
await browser.close();
