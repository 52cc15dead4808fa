/** What stands around every page: themes, settings, the palette, keys, and the shell without its node. */

import { ask, assert, barriers, visit } from './journey.js';

const model = process.env.PUMASI_MODEL ?? 'starter';
const themes = ['light', 'dark', 'glass', 'xp', 'dancheong'];
const names = {
  light: 'Light',
  dark: 'Dark',
  glass: 'Glass',
  xp: 'Green hill',
  dancheong: 'Dancheong',
};

export async function changesItsLooks(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/manage/settings', {
    // No colour is measured on its way.
    reducedMotion: 'reduce',
  });
  for (const [theme, name] of Object.entries(names)) {
    await page.locator('main').getByText(name, { exact: true }).click();
    await page.locator(`html[data-theme=${theme}]`).waitFor();
    assert.deepEqual(await barriers(page), [], theme);
  }
  await page.reload();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dancheong');
  await page.locator('main').getByText('한국어', { exact: true }).click();
  await page.getByRole('heading', { name: '설정', level: 1 }).waitFor();
  await page.getByText('대화', { exact: false }).first().waitFor();
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(complaints, []);
  await close();
}

/** Every page in every theme, at the width of a phone and of a desk, in both languages. */
export async function isLegibleInEveryTheme(browser, base) {
  const pages = ['/', '/chats', '/mesh', '/jobs', '/models', '/manage', '/manage/settings'];
  const sizes = [
    { viewport: { width: 390, height: 844 }, locale: 'ko-KR', reducedMotion: 'reduce' },
    { viewport: { width: 1680, height: 1000 }, locale: 'en', reducedMotion: 'reduce' },
  ];
  for (const [index, theme] of themes.entries()) {
    const options = sizes[index % 2];
    const { page, complaints, close } = await visit(browser, base, '/', options);
    await page.evaluate((chosen) => localStorage.setItem('pumasi.theme', chosen), theme);
    await page.reload();
    await ask(page, model, 'upper: in every theme');
    assert.deepEqual(await barriers(page), [], `a conversation in ${theme}`);
    for (const path of pages) {
      await page.goto(base + path);
      await page.locator('h1').first().waitFor();
      assert.deepEqual(await barriers(page), [], `${path} in ${theme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(wide, false, `${path} in ${theme} scrolls sideways`);
    }
    assert.deepEqual(complaints, []);
    await close();
  }
}

export async function goesAnywhereByKeys(browser, base) {
  const { page, complaints, close } = await visit(browser, base, '/');
  await ask(page, model, 'upper: palette');
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: /A page, a conversation/ });
  await field.fill('upper: pal');
  await page
    .getByRole('option', { name: /upper: palette/ })
    .first()
    .waitFor();
  assert.deepEqual(await barriers(page), []);
  await field.fill('theme glass');
  await field.press('Enter');
  await page.locator('html[data-theme=glass]').waitFor();
  await page.keyboard.press('Control+k');
  await field.fill('record');
  await field.press('Enter');
  await page.waitForURL(/\/manage\/record$/);
  await page.locator('h1').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('j');
  await page.waitForURL(/\/jobs$/);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await page.waitForURL((url) => url.pathname === '/');
  assert.deepEqual(complaints, []);
  await close();
}

/** Without a network the shell opens and says so; nothing of the API is kept in the browser. */
export async function opensItsShellWithoutTheNode(browser, base) {
  const { page, close } = await visit(browser, base, '/');
  await page.evaluate(() => navigator.serviceWorker.ready);
  // Once more through the worker, so that it has the files of this page.
  await page.reload();
  await page.locator('h1').waitFor();
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.reload();
  await page.locator('h1').waitFor();
  await page.context().setOffline(true);
  await page.goto(`${base}/`);
  await page.getByText('Pumasi does not answer on this computer.').waitFor();
  await page.context().setOffline(false);
  const kept = await page.evaluate(async () => {
    const cached = await Promise.all(
      (await caches.keys()).map(async (name) => (await caches.open(name)).keys()),
    );
    return cached.flat().map(({ url }) => new URL(url).pathname);
  });
  assert.ok(kept.length > 3, 'the shell is kept');
  assert.deepEqual(
    kept.filter((path) => /^\/(api|v1)\//.test(path)),
    [],
  );
  const manifest = await (await page.request.get(`${base}/manifest.webmanifest`)).json();
  for (const { src } of manifest.icons) {
    assert.equal((await page.request.get(base + src)).status(), 200, src);
  }
  await close();
}

/** What a browser loads before the first question can be asked. */
export async function opensWithLittleCode(browser, base) {
  const { page, close } = await visit(browser, base, '/');
  await page.locator('main textarea').waitFor();
  const scripts = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map(({ name }) => name)
      .filter((name) => name.endsWith('.js')),
  );
  let bytes = 0;
  const { gzipSync } = await import('node:zlib');
  for (const script of scripts) {
    bytes += gzipSync(await (await page.request.get(script)).body()).length;
  }
  assert.ok(scripts.length > 1, 'there are scripts');
  assert.ok(bytes < 150_000, `the first view takes ${bytes} bytes of compressed JavaScript`);
  await close();
}

export const shell = [
  changesItsLooks,
  isLegibleInEveryTheme,
  goesAnywhereByKeys,
  opensItsShellWithoutTheNode,
  opensWithLittleCode,
];
