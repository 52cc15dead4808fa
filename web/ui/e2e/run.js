/** Runs the journeys against the node at PUMASI_URL: `npm run e2e [NAME …]`. */

import { launch } from './browser.js';
import { joinsWithAnInvitation } from './joining.js';
import { journeys } from './journeys.js';
import { letsInByDigits } from './pairing.js';

const base = (process.env.PUMASI_URL ?? 'http://127.0.0.1:7862').replace(/\/$/, '');
const wanted = process.argv.slice(2);
const browser = await launch();
let failed = 0;
// With a second node at hand the two are joined first, so that all other journeys see a mesh.
const joining = process.env.PUMASI_OTHER_DOOR ? letsInByDigits : joinsWithAnInvitation;
const all = process.env.PUMASI_OTHER_URL ? [joining, ...journeys] : journeys;
for (const journey of all) {
  if (wanted.length && !wanted.includes(journey.name)) continue;
  try {
    await journey(browser, base);
    console.log(`ok   ${journey.name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${journey.name}\n${error.stack}`);
  }
}
await browser.close();
process.exitCode = failed ? 1 : 0;
