/** The frame of every page. */

import { count } from '../plural';

export const nav = {
  label: 'Main',
  ask: 'Ask',
  mesh: 'Computers',
  jobs: 'Jobs',
  models: 'Models',
  manage: 'Manage',
  skip: 'Skip to the page',
  newQuestion: 'New question',
  close: 'Close',
} as const;

export const missing = {
  title: 'There is nothing at this address',
  next: 'It may have been typed wrongly, or what was here is gone.',
  home: 'Ask something',
  unloaded: 'This page could not be opened',
  unloadedNext: 'Pumasi may have been restarted or updated in the meantime.',
  reload: 'Load again',
} as const;

export const preferences = {
  open: 'Theme and language',
  theme: 'Theme',
  system: 'As the system',
  light: 'Light',
  dark: 'Dark',
  glass: 'Glass',
  xp: 'Green hill',
  dancheong: 'Dancheong',
  language: 'Language',
  all: 'All settings',
} as const;

export const connection = {
  connecting: 'Connecting to this computer’s Pumasi …',
  lost: 'No contact with this computer’s Pumasi. What you see is the last that was known.',
  retry: 'Try now',
  refused: 'This page is not signed in any more: load it again.',
  down: 'Pumasi does not answer on this computer.',
  downNext: 'Start it with `pumasi up`; this page comes back by itself.',
  computers: (n: number) => count(n, 'computer', 'computers'),
  partly: (here: number, all: number) => `${here} of ${count(all, 'computer', 'computers')} here`,
  idle: 'all free',
  running: (n: number) => count(n, 'job running', 'jobs running'),
  alone: 'This computer alone',
} as const;
