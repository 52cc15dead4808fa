/** Usage, the record, what this computer lends. */

import { count } from '../plural';

export const manage = {
  label: 'Parts of this page',
  checkUp: 'Check-up',
  keys: 'Access keys',
  providers: 'Providers',
  record: 'Record',
  usage: 'Usage',
  settings: 'Settings',
} as const;

export const usage = {
  title: 'Usage',
  about: 'Who used how much of what, where, and what it cost. Never what was asked.',
  csv: 'Save as CSV',
  sort: 'Told apart by',
  sorts: { model: 'Model', place: 'Who helped', person: 'Person', key: 'Key', day: 'Day' },
  span: 'How far back',
  days: (n: number) => `${n} days`,
  summary: (requests: number, tokens: string, cost: string | null) =>
    `${count(requests, 'request', 'requests')}, ${tokens} tokens` +
    (cost === null ? '' : `, ${cost}`),
  requests: 'Requests',
  failed: 'Failed',
  prompt: 'Tokens in',
  answer: 'Tokens out',
  cost: 'Cost',
  unknown: 'unknown',
  nobody: 'nobody in particular',
  noKey: 'this computer’s programs',
  unpriced: (n: number) =>
    `The price of ${count(n, 'request', 'requests')} is not known, so the cost is without them.`,
  kept: 'Costs are by the providers’ list prices, in US dollars. The office’s computers have none. Days are of UTC.',
  none: 'Nothing was used in these days',
  noneNext: 'What is asked of this computer is counted here, by whom and where it was answered.',
  course: {
    title: 'How it went',
    length: 'How far back',
    lengths: { hours: '3 hours', day: 'a day', week: 'a week' },
    requests: 'Requests',
    failed: 'Failed',
    speed: 'Writing speed',
    median: 'First word, half within',
    slowest: 'First word, 99 of 100 within',
    told: (last: string, most: string) => `now ${last}, at most ${most}`,
    nothing: 'nothing yet',
    places: 'Who could be asked',
    up: (share: string) => `${share} of the time`,
    none: 'The first minute is not over yet.',
  },
} as const;

export const record = {
  title: 'Record',
  about: 'Who let in whom, who made keys, and who ran what where. Never what was asked.',
  none: 'Nothing is recorded yet',
  noneNext: 'What is done from now on appears here.',
  noneShown: 'Nothing fits this choice.',
  shown: 'Which entries',
  filters: { all: 'All', people: 'Changes', jobs: 'Jobs' },
  person: 'Person',
  everybody: 'everybody',
  csv: 'Save as CSV',
  jsonl: 'Save as JSON Lines',
  more: 'Show more',
  kept: 'This computer keeps 20,000 jobs and 4,096 changes; the oldest make way. Others keep their own.',
  void: 'counts for nothing',
  byKey: (id: string) => `by key ${id}`,
  acts: {
    founded: (name: string) => `began the mesh “${name}”`,
    admitted: (name: string, grants: string) => `let in ${name} (${grants})`,
    roles_set: (name: string, grants: string) => `changed what ${name} may do: ${grants}`,
    removed: (name: string) => `removed ${name}`,
    invited: (name: string, grants: string) => `made an invitation for ${name} (${grants})`,
    withdrawn: () => 'withdrew an invitation',
    key_made: (name: string, grants: string) => `made the key “${name}” (${grants})`,
    key_changed: (name: string, grants: string) => `changed the key “${name}” (${grants})`,
    key_revoked: (name: string) => `revoked the key “${name}”`,
    lending_set: (name: string) => `set lending to “${name}”`,
    started: (name: string) => `Pumasi ${name} began`,
  },
  asked: (model: string, place: string) => `asked ${model}, on ${place}`,
  ran: (model: string, owner: string) => `${model}, for ${owner}`,
  nowhere: 'no computer',
  sizes: (prompt: string, answer: string) => `${prompt} + ${answer} tokens`,
  outcomes: { completed: 'done', failed: 'failed', cancelled: 'cancelled' },
} as const;

export const lending = {
  title: 'Works for others',
  choices: { accepting: 'Yes', paused: 'Pause', draining: 'Drain' },
  accepting: 'Jobs of others may run here.',
  paused: 'No new jobs of others. What runs finishes; your own jobs run as always.',
  pausedFor: (time: string) =>
    `No new jobs of others for ${time}. What runs finishes; your own jobs run as always.`,
  draining: 'No new jobs at all. What waited was handed back; what runs here finishes.',
  drained: 'Nothing runs here any more. This computer can be switched off.',
  holds: {
    told: 'No new jobs of others.',
    schedule: 'Not lent at this time of the week.',
    battery: 'Not lent while it runs on battery.',
    in_use: 'You are using it: work of others pauses, or goes on elsewhere.',
  },
  yields: {
    pause: 'While you use it, work of others pauses.',
    slow: 'While you use it, work of others runs slowly.',
    none: 'Work of others does not slow down while you use it.',
  },
  yielding: (n: number) => `${n} of others hold back for you right now.`,
  schedule: (text: string) => `Lent ${text}.`,
  cap: (size: string) => `Models of others take ${size} at most.`,
} as const;
