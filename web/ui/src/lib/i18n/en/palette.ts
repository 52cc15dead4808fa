/** The command palette, keys, and the page of settings. */

import { count } from '../plural';

export const palette = {
  title: 'Go to or do',
  start: 'Start',
  placeholder: 'A page, a conversation, a model, a computer …',
  none: 'Nothing has this name.',
  groups: {
    pages: 'Pages',
    actions: 'Actions',
    conversations: 'Conversations',
    models: 'Ask a model',
    computers: 'Computers',
  },
  pause: 'Pause work for others on this computer',
  resume: 'Work for others on this computer',
  shortcuts: 'Keys',
  keys: {
    palette: 'Go to anything, do anything',
    shortcuts: 'These keys',
    question: 'New question',
    computers: 'Computers',
    jobs: 'Jobs',
    models: 'Models',
    conversations: 'Conversations',
    settings: 'Settings',
    send: 'Send the question',
    line: 'A new line in the question',
    close: 'Close what is open',
  },
} as const;

export const settings = {
  title: 'Settings',
  about: 'How this computer looks, lends and keeps. What is set in its file says so.',
  looks: 'Looks and language',
  motion: 'Movement',
  motionNone: 'Nothing moves: your system asks for less motion.',
  motionSome:
    'Short movements show where things go. To stop them, ask your system for less motion.',
  computer: 'This computer',
  name: 'Name',
  nameIn: 'Set as `name` in `config.toml`; others see it after a restart.',
  person: 'Person',
  nobody: 'nobody yet',
  mesh: 'Mesh',
  noMesh: 'none yet: it works alone',
  members: (n: number) => count(n, 'computer', 'computers'),
  since: 'Running since',
  lending: 'Lending',
  lendingMore:
    'When, how much and what yields is set under `lend`, `lend_memory` and `yield` in `config.toml`.',
  network: 'Network',
  networkText:
    'Pages and programs of this computer reach it here; other computers of the mesh by their own ports.',
  here: 'Address of these pages',
  outside: 'For programs of other computers',
  outsideNone: 'not served: `pumasi up --http-public` does',
  checkUp: 'Check the network',
  storage: 'Storage',
  conversations: 'Conversations',
  conversationsAre: (n: number, size: string) =>
    `${count(n, 'conversation', 'conversations')}, ${size}`,
  models: 'Models on this computer',
  modelsAre: (n: number, size: string) => `${count(n, 'model', 'models')}, ${size}`,
  seeAll: 'See all',
  security: 'Security',
  securityText:
    'Everything on these pages needs this browser on this computer. Programs elsewhere need a key.',
  seeKeys: 'Access keys',
  seeRecord: 'Record of who did what',
  seeInvitations: 'Invitations',
  logs: 'Logs',
  logsText:
    '`pumasi up` writes its log where it was started: `--log debug` says more, `--log-format json` is for programs. What is asked and answered is in none of it.',
  errors: 'Errors answered since the start',
  noErrors: 'none',
  version: 'Version',
  licences: 'Licences of what these pages are made of',
  fonts: 'Licences of the fonts',
  about2: 'About Pumasi',
  keys: 'Keys of these pages: press `?`',
} as const;
