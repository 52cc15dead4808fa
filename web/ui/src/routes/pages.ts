/** Every address and the page that it opens. The first view is at hand, the others come when asked. */

import type { Component } from 'svelte';
import { match, type Params } from '$lib/router/match';
import Home from './home/Home.svelte';

export type Page = Component<Params>;
type Load = () => Promise<{ default: unknown }>;

const chats: Load = () => import('./chats/Chats.svelte');
const chat: Load = () => import('./chat/Chat.svelte');
const mesh: Load = () => import('./mesh/Mesh.svelte');
const jobs: Load = () => import('./jobs/Jobs.svelte');
const inspect: Load = () => import('./models/inspect/Inspect.svelte');
const models: Load = () => import('./models/Models.svelte');
const hub: Load = () => import('./models/hub/Hub.svelte');
const checkUp: Load = () => import('./manage/CheckUp.svelte');
const keys: Load = () => import('./manage/Keys.svelte');
const providers: Load = () => import('./manage/Providers.svelte');
const record: Load = () => import('./manage/Record.svelte');
const settings: Load = () => import('./manage/Settings.svelte');
const usage: Load = () => import('./manage/Usage.svelte');

const later: [pattern: string, load: Load][] = [
  ['/chat/:id', chat],
  ['/chats', chats],
  ['/mesh', mesh],
  ['/mesh/:id', mesh],
  ['/jobs', jobs],
  ['/jobs/:id', jobs],
  ['/models', models],
  ['/models/hub', hub],
  ['/models/:id', inspect],
  ['/manage', checkUp],
  ['/manage/keys', keys],
  ['/manage/providers', providers],
  ['/manage/record', record],
  ['/manage/settings', settings],
  ['/manage/usage', usage],
];

export const home = Home;

/** The page behind a path: at once, soon, or none. */
export function pageAt(path: string): { load: Load | null; params: Params } | null {
  if (match('/', path)) return { load: null, params: {} };
  for (const [pattern, load] of later) {
    const params = match(pattern, path);
    if (params) return { load, params };
  }
  return null;
}
