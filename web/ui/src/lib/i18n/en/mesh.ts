/** Computers: who is here, who comes in. */

import { count } from '../plural';

export const mesh = {
  title: 'Computers',
  about: 'Who lends a hand here, and what each is doing right now.',
  invite: 'Invite a computer',
  join: 'Join with an invitation',
  alone: 'This computer works alone so far',
  aloneNext: 'Invite the others of the office, and each can lend the rest its spare hours.',
  thisOne: 'this one',
  belongsTo: (person: string) => `${person}’s computer`,
  shared: 'a shared computer',
  memory: 'Memory for models',
  memoryTaken: (taken: string, all: string) => `Models take ${taken} of ${all}`,
  models: 'Models on this computer',
  noModels: 'No model here yet.',
  jobsHere: 'Working on',
  noJobs: 'Nothing right now.',
  ownerNote: 'The person at this computer is using it. Work of others waits or goes elsewhere.',
  awayNote: 'It cannot be reached. Its work goes on elsewhere; it joins in again by itself.',
  cutOffNote: {
    flood: 'It sent far more than a computer of the office may, so this one does not talk to it.',
    nonsense: 'It sent what no honest computer sends, so this one does not talk to it.',
  },
  cutOffAdvice: (minutes: number) =>
    `In ${count(minutes, 'minute', 'minutes')} it may join in again, by itself; each further time lasts longer. Is its Pumasi damaged, or of another version? If somebody has taken over that computer, remove it with \`pumasi remove\`.`,
  doing: {
    free: 'free',
    doubtful: 'says what cannot be',
    misbehaving: (minutes: number) => `cut off for ${count(minutes, 'minute', 'minutes')}`,
    owner: 'its owner is at work',
    paused: 'takes a break',
    away: 'not here',
    awaySince: (time: string) => `left ${time}`,
    busy: (n: number) => count(n, 'job', 'jobs'),
    busyAndWaiting: (n: number, waiting: number) =>
      `${count(n, 'job', 'jobs')}, ${waiting} waiting`,
  },
  particulars: {
    title: 'Particulars',
    platform: 'Platform',
    version: 'Version',
    roundTrip: 'Round trip',
    queue: 'Queue',
    queued: (interactive: number, batch: number) => `${interactive} interactive, ${batch} batch`,
    work: 'Predicted work',
    engines: 'Engines',
    roles: 'Roles',
    addresses: 'Addresses',
    others: 'For other computers’ programs',
    certificate: 'Certificate (SHA-256)',
    id: 'Node id',
  },
  inviting: {
    title: 'Invite a computer',
    about: 'Make an invitation here and give it to the computer that is to join.',
    person: 'Whose computer is it?',
    personHint: 'nobody’s: shared',
    uses: 'For how many',
    valid: 'How long',
    hour: 'one hour',
    day: 'one day',
    week: 'one week',
    month: '30 days',
    make: 'Make the invitation',
    give: 'On the other computer, open Computers and choose “Join with an invitation”, or run `pumasi join` with this line:',
    once: (n: number, until: string) =>
      `For ${count(n, 'computer', 'computers')}, until ${until}. It is shown only this once.`,
    download: 'Save as a file',
    asQr: 'Show as a QR code',
    open: 'Invitations that are open',
    shared: 'a shared computer',
    used: (used: number, uses: number) => `used ${used} of ${uses}`,
    until: (time: string) => `until ${time}`,
    withdraw: 'Withdraw',
  },
  joining: {
    title: 'Join with an invitation',
    about:
      'Paste the line that somebody of the mesh made for you, in the app or with `pumasi invite`.',
    token: 'Invitation',
    join: 'Join',
    asking: 'Joining …',
    done: (name: string, n: number) =>
      `This computer now belongs to “${name}”, with ${count(n, 'computer', 'computers')} in all.`,
    look: 'Look around',
  },
  newcomer: {
    title: 'This computer belongs to no mesh yet',
    about:
      'At a computer of the mesh, an admin opens Computers and types these digits, or runs `pumasi approve` with them.',
    digits: 'The digits that let this computer in',
    left: (time: string) => `Good for one try, and for ${time}.`,
    wrong: (n: number) =>
      n === 1
        ? 'Wrong digits were tried; these are new.'
        : `Wrong digits were tried ${n} times; these are new.`,
    shut: 'Wrong digits were tried too often',
    shutNext:
      'Perhaps somebody in this network guesses. Show new ones when an admin is ready, or use an invitation.',
    again: 'Show new digits',
    nobody: 'No mesh here yet, or was an invitation made for you?',
    found: 'Start a mesh',
  },
  lettingIn: {
    title: 'Let a computer in',
    about:
      'On the new computer, open Computers or run `pumasi join`: it shows six digits. Type them here, with its address in this network.',
    asks: (name: string) => `“${name}” asks to join`,
    unproven: 'The name is only what it says. Its digits prove that it is the one you see.',
    address: 'Its address',
    digits: 'The digits on its screen',
    digitsHint: 'six digits',
    person: 'Whose computer is it?',
    personHint: 'as it says itself',
    letIn: 'Let it in',
    asking: 'Letting in …',
    elsewhere: 'The computer is not listed',
    done: (name: string) => `“${name}” is one of you now.`,
  },
  founding: {
    title: 'Start a mesh',
    about: 'This computer is its first and its admin; then it lets the others in.',
    name: 'What is it called?',
    start: 'Start it',
  },
} as const;
