/** Development only: lets the pages of `npm run dev` speak with a real node, which answers none but
 *  its own pages. So the requests carry the node's origin and the cookie that it gives its pages. */

import type { CommonServerOptions } from 'vite';

export async function toNode(target: string): Promise<CommonServerOptions> {
  const page = await fetch(target, { headers: { accept: 'text/html' } });
  const cookie = page.headers.getSetCookie().map((set) => set.split(';')[0]);
  const headers = { origin: new URL(target).origin, cookie: cookie.join('; ') };
  const options = { target, changeOrigin: true, headers };
  return { proxy: { '/api': options, '/v1': options } };
}
