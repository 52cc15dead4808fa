import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { mockNode } from './dev/mock.ts';

// With PUMASI_URL set, `npm run dev` talks to that node; without it, to the mock in dev/.
const node = process.env.PUMASI_URL;
const proxied = { target: node ?? '', changeOrigin: true };

export default defineConfig({
  plugins: [svelte(), ...(node ? [] : [mockNode()])],
  resolve: {
    alias: { $lib: fileURLToPath(new URL('./src/lib', import.meta.url)) },
    // Svelte's server build would be picked under vitest otherwise, and components cannot mount in it.
    ...(process.env.VITEST ? { conditions: ['browser'] } : {}),
  },
  // Fonts stay files: the node's content security policy allows no data: URLs for them.
  build: {
    license: { fileName: 'licences.md' },
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { host: '127.0.0.1', ...(node ? { proxy: { '/api': proxied, '/v1': proxied } } : {}) },
  test: { environment: 'jsdom', include: ['src/**/*.test.ts', 'dev/**/*.test.ts'] },
});
