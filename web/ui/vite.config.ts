import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { mockNode } from './dev/mock.ts';
import { toNode } from './dev/proxy.ts';

// With PUMASI_URL set, `npm run dev` talks to that node; without it, to the mock in dev/.
const node = process.env.PUMASI_URL;

/** KaTeX names each of its fonts in three formats; every browser that runs these pages reads the first. */
const onlyWoff2 = {
  name: 'only-woff2',
  enforce: 'pre' as const,
  transform(code: string, id: string): string | undefined {
    if (!id.includes('katex.min.css')) return undefined;
    return code.replace(/,url\(fonts\/[\w-]+\.(?:woff|ttf)\) format\("\w+"\)/g, '');
  },
};

export default defineConfig(async ({ command }) => ({
  plugins: [onlyWoff2, svelte(), ...(node ? [] : [mockNode()])],
  resolve: {
    alias: { $lib: fileURLToPath(new URL('./src/lib', import.meta.url)) },
    // Svelte's server build would be picked under vitest otherwise, and no component could mount.
    ...(process.env.VITEST ? { conditions: ['browser'] } : {}),
  },
  build: {
    target: 'es2023',
    // Fonts stay files: the node's content security policy allows no data: URLs for them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licences.md' },
  },
  server: { host: '127.0.0.1', ...(node && command === 'serve' ? await toNode(node) : {}) },
  test: { environment: 'jsdom', include: ['src/**/*.test.ts'] },
}));
