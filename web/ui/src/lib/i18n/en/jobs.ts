/** Jobs, and why one ran where it did. */

import { count } from '../plural';

export const jobs = {
  title: 'Jobs',
  about: 'What was asked of the office, who helped, and why there.',
  shown: 'Which jobs',
  filters: { all: 'All', live: 'Under way', done: 'Done', failed: 'Not done' },
  none: 'No jobs yet',
  noneNext: 'Whatever is asked here, by you or by a program, appears in this list with its reason.',
  noneShown: 'No job fits this choice.',
  detail: 'Job',
  gone: 'This job is not in the list any more',
  goneNext: 'It is older than what this page keeps, or it was somebody else’s.',
  why: 'Why here',
  cancel: 'Cancel the job',
  result: 'Result',
  fetching: 'Fetching the result …',
  notKept: 'The answer went to whoever asked and was not kept.',
  noText: 'The result is made of numbers; programs fetch it with `pumasi get`.',
  spans: { wait: 'waiting', read: 'reading', write: 'writing' },
  facts: {
    helper: 'Who helped',
    owner: 'Asked by',
    ownerAway: 'cannot be reached now: this is what it last told',
    accepted: 'Asked',
    took: 'Took',
    attempts: 'Attempts',
    attempted: (n: number) => `${n}; it moved to another computer`,
    tokens: 'Tokens',
    counts: (prompt: number, cached: number, answer: number) =>
      `${prompt} read (${cached} from memory), ${answer} written`,
    id: 'Job id',
  },
  kinds: {
    chat: 'Question',
    completion: 'Text',
    embedding: 'Embedding',
    image: 'Picture',
    document: 'Document',
  },
  states: {
    waiting: 'waiting',
    bound: 'found a place',
    running: 'running',
    completed: 'done',
    failed: 'failed',
    cancelled: 'cancelled',
  },
  phases: {
    queued: 'waiting for its turn',
    load: 'waking the model',
    prefill: 'reading',
    decode: 'writing',
    paused: 'paused for the person there',
  },
} as const;

export const why = {
  asking: 'Looking up why …',
  soonest: (name: string, time: string, next: string, later: string) =>
    `${name} would be done in ${time}, ${later} before ${next}.`,
  free: (name: string, time: string) =>
    `${name} was the first that could begin, and would be done in ${time}.`,
  unasked: (name: string, time: string) =>
    `${name} was ready, and would be done in ${time}; nobody else had to be asked.`,
  onlyOne: (name: string, time: string) =>
    `${name} was the only one that could do it, in about ${time}.`,
  round: (n: number) => `Placed for the ${['first', 'second', 'third'][n - 1] ?? `${n}th`} time`,
  others: 'Who else could have helped',
  ruledOut: (n: number) => `${count(n, 'computer', 'computers')} could not`,
  outcomes: {
    chosen: 'took it',
    outbid: 'offered too',
    not_asked: 'not asked',
    silent: 'did not answer in time',
    excluded: 'could not',
    refused: 'said no',
    failed: 'tried and failed',
  },
  terms: {
    wait: 'Waits its turn',
    load: 'Wakes the model',
    prefill: 'Reads the question',
    cached: 'Has read before',
    decode: 'Writes the answer',
    network: 'Way there and back',
    penalty: 'Failed lately',
  },
} as const;
