/** Everything that the palette leads to, as it is at the moment. */

import { lend } from '$lib/api/calls';
import { locale, locales, dictionaries } from '$lib/i18n/locale.svelte';
import { address } from '$lib/router/address.svelte';
import { conversations } from '$lib/state/conversations.svelte';
import { mesh } from '$lib/state/mesh.svelte';
import { canChat } from '$lib/state/outlook';
import { theme, themes } from '$lib/theme/theme.svelte';
import type { IconName } from '$lib/ui/icons';
import type { Entry } from './entries';

/** Newest conversations that are offered before anything is typed. */
const CONVERSATIONS = 300;

export function offers(): Entry[] {
  return [...pages(), ...actions(), ...talks(), ...models(), ...computers()];
}

function pages(): Entry[] {
  const { nav, manage, chat, palette } = locale.words;
  const all: [string, IconName, string, string][] = [
    ['/', 'ask', nav.newQuestion, nav.ask],
    ['/chats', 'list', chat.title, ''],
    ['/mesh', 'mesh', nav.mesh, ''],
    ['/jobs', 'jobs', nav.jobs, ''],
    ['/models', 'models', nav.models, ''],
    ['/manage', 'check', manage.checkUp, nav.manage],
    ['/manage/keys', 'key', manage.keys, nav.manage],
    ['/manage/providers', 'cloud', manage.providers, nav.manage],
    ['/manage/usage', 'jobs', manage.usage, nav.manage],
    ['/manage/record', 'list', manage.record, nav.manage],
    ['/manage/settings', 'gear', manage.settings, nav.manage],
  ];
  const group = palette.groups.pages;
  return all.map(([to, icon, name, more]) => ({
    ...{ key: to, group, icon, name, more },
    run: () => address.go(to),
  }));
}

function actions(): Entry[] {
  const { palette, preferences, mesh: meshWords } = locale.words;
  const group = palette.groups.actions;
  const own = (key: string, icon: IconName, name: string, run: () => void): Entry => {
    return { key, group, icon, name, more: '', run };
  };
  const lending = mesh.status?.lending.lend;
  const told = lending === 'accepting' ? ('paused' as const) : ('accepting' as const);
  const sharing = lending && [
    own('lend', 'desk', told === 'paused' ? palette.pause : palette.resume, () => void lend(told)),
  ];
  return [
    own('invite', 'plus', meshWords.invite, () => address.go('/mesh?panel=invite')),
    ...(sharing ?? []),
    ...themes.map((name) =>
      own(`theme-${name}`, 'sun', `${preferences.theme}: ${preferences[name]}`, () => {
        theme.chosen = name;
      }),
    ),
    ...locales.map((code) =>
      own(
        `language-${code}`,
        'ask',
        `${preferences.language}: ${dictionaries[code].language}`,
        () => {
          locale.chosen = code;
        },
      ),
    ),
  ];
}

function talks(): Entry[] {
  const { palette, chat } = locale.words;
  const lines = (conversations.lines ?? []).slice(0, CONVERSATIONS);
  return lines.map(({ id, title, model }) => ({
    ...{ key: `talk-${id}`, group: palette.groups.conversations, icon: 'ask' as const },
    ...{ name: title || chat.untitled, more: model },
    run: () => address.go(`/chat/${id}`),
  }));
}

function models(): Entry[] {
  const group = locale.words.palette.groups.models;
  return mesh.modelList.filter(canChat).map(({ name, provider }) => ({
    ...{ key: `model-${name}`, group, icon: 'models' as const, name, more: provider ?? '' },
    run: () => address.go(`/?model=${encodeURIComponent(name)}`),
  }));
}

function computers(): Entry[] {
  const group = locale.words.palette.groups.computers;
  return mesh.nodeList.map(({ id, name, person }) => ({
    ...{ key: `node-${id}`, group, icon: 'desk' as const, name, more: person ?? '' },
    run: () => address.go(`/mesh/${id}`),
  }));
}
