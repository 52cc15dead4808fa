/** English. Sentences of an office: what happened, what it means, what to do. */

import { count } from './plural';

export const en = {
  language: 'English',
  units: { tokensPerSecond: (n: string) => `${n} tokens/s` },
  nav: {
    label: 'Main',
    ask: 'Ask',
    mesh: 'Computers',
    jobs: 'Jobs',
    models: 'Models',
    skip: 'Skip to the page',
    newQuestion: 'New question',
  },
  missing: {
    title: 'There is nothing at this address',
    next: 'It may have been typed wrongly, or what was here is gone.',
    home: 'Ask something',
    unloaded: 'This page could not be opened',
    unloadedNext: 'Pumasi may have been restarted or updated in the meantime.',
    reload: 'Load again',
  },
  preferences: {
    open: 'Theme and language',
    theme: 'Theme',
    system: 'As the system',
    light: 'Light',
    dark: 'Dark',
    language: 'Language',
  },
  connection: {
    connecting: 'Connecting to this computer’s Pumasi …',
    lost: 'No contact with this computer’s Pumasi. What you see is the last that was known.',
    retry: 'Try now',
    down: 'Pumasi does not answer on this computer.',
    downNext: 'Start it with `pumasi up`; this page comes back by itself.',
    computers: (n: number) => count(n, 'computer', 'computers'),
    partly: (here: number, all: number) => `${here} of ${count(all, 'computer', 'computers')} here`,
    idle: 'all free',
    running: (n: number) => count(n, 'job running', 'jobs running'),
    alone: 'This computer alone',
  },
  ask: {
    title: 'What can the office help with?',
    placeholder: 'Ask anything',
    more: 'Ask on',
    send: 'Ask',
    stop: 'Stop',
    hint: 'Enter sends, Shift + Enter makes a new line.',
    tryThese: 'Try one of these',
    examples: ['upper: hello neighbours', 'reverse: persimmon', 'count: to seven', 'Who are you?'],
    talks: 'Your conversations',
    talksNote: 'They stay until this page is closed; Pumasi does not keep them yet.',
    recent: 'Recent work in the office',
    allJobs: 'All jobs',
    messages: (n: number) => count(n, 'question', 'questions'),
  },
  picker: {
    label: 'Model',
    choose: 'Which model answers',
    ready: 'ready now',
    soon: (time: string) => `free in about ${time}`,
    loading: (percent: string) => `loading, ${percent}`,
    loads: (time: string) => `wakes up first, about ${time}`,
    loadsUnknown: 'wakes up first',
    nowhere: 'no computer can run it right now',
    starter: 'starter',
    none: 'No model yet',
    noneNext: 'No computer here holds a model that can chat. Put a GGUF file on one of them.',
    seeModels: 'See models',
    speed: (rate: string) => `writes about ${rate}`,
  },
  jobs: {
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
    },
  },
  trouble: {
    unknown: 'Something went wrong',
    unknownNext: 'Trying again may help; `pumasi doctor` says more.',
    partly: 'What was written until then stays.',
    known: {
      unreachable: [
        'Pumasi does not answer on this computer',
        'Start it with `pumasi up`, then ask again.',
      ],
      broken_stream: [
        'The answer broke off',
        'The connection to this computer’s Pumasi was lost. Ask again.',
      ],
      model_not_found: ['No computer here has this model any more', 'Pick another model below.'],
      no_candidate: [
        'No computer can run this right now',
        'Wait for one to come back, or pick another model.',
      ],
      queue_timeout: [
        'No computer became free in time',
        'The office is busy. Ask again in a moment.',
      ],
      context_length_exceeded: [
        'The conversation is too long for this model',
        'Begin a new one, or pick a model that holds more.',
      ],
      insufficient_memory: [
        'There is not enough free memory',
        'Close something on that computer, or pick a smaller model.',
      ],
      engine_crash: [
        'The engine crashed while it answered',
        'It is being started again. Ask once more.',
      ],
      engine_silent: [
        'The engine stopped answering',
        'It was ended and is being started again. Ask once more.',
      ],
      connection_lost: [
        'The computer that answered went away',
        'Ask again: another one takes over.',
      ],
      peer_silent: ['The computer that answered fell silent', 'Ask again: another one takes over.'],
      model_damaged: ['The model’s file is damaged', 'Fetch it again, or pick another model.'],
      unauthorized: ['This page is not signed in any more', 'Load the page again.'],
    },
  },
  answer: {
    you: 'You',
    by: (model: string) => `${model} says`,
    waiting: 'Looking for a free computer …',
    placed: (computer: string) => `On its way from ${computer} …`,
    thinking: 'Thinking …',
    thought: (time: string) => `Thought for ${time}`,
    thoughtPlain: 'What it thought',
    answeredBy: 'Answered by',
    why: 'why here',
    first: (time: string) => `first word after ${time}`,
    firstMeans: 'From sending the question to the first word of the answer.',
    speedMeans: 'How fast the answer was written after its first word.',
    tokens: (n: number) => count(n, 'token', 'tokens'),
    again: 'Ask again',
    copy: 'Copy',
    copied: 'Copied',
    stopped: 'Stopped by you. What was written stays.',
    cut: 'The answer reached its permitted length and was cut here.',
    gone: 'This conversation is no longer here',
    goneNext: 'Conversations live in the page that began them until Pumasi keeps them for you.',
    startNew: 'Ask something new',
    edit: 'Edit the question',
    log: 'Conversation',
    code: 'Code',
  },
} as const;

/** The same keys with any text: what every language must provide. */
type Spoken<T> = T extends string
  ? string
  : T extends (...given: infer Given) => string
    ? (...given: Given) => string
    : T extends readonly string[]
      ? readonly string[]
      : { [Key in keyof T]: Spoken<T[Key]> };

export type Words = Spoken<typeof en>;
