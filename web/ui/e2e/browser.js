/** Debian's Chromium, driven by playwright-core; PUMASI_CHROMIUM names another one. */

import { chromium } from 'playwright-core';

export function launch() {
  const executablePath = process.env.PUMASI_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
