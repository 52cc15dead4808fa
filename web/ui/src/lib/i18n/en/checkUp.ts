/** What the check-up finds. */

import { count } from '../plural';

export const checkUp = {
  title: 'Check-up',
  about: 'Do the computers see each other, and if not, why? Each line says what to do.',
  looking: 'Looking, which takes a few seconds …',
  again: 'Check again',
  copy: 'Copy as text',
  copyMeans: 'For the colleague who runs the machines.',
  at: (time: string) => `Checked at ${time}`,
  allWell: 'All is well.',
  some: (n: number) => `${count(n, 'thing needs', 'things need')} attention.`,
  wellOnes: (n: number) => `${count(n, 'check is', 'checks are')} in order`,
  todo: 'What to do',
  tried: 'What was tried',
  outcomes: {
    good: 'In order',
    warning: 'Limited',
    trouble: 'Not working',
    skipped: 'Not checked',
  },
  topics: {
    data_dir: 'Where this computer keeps its data',
    clock: 'The clock of this computer',
    ports: 'Ports',
    worker: 'The engine that runs models',
    sandbox: 'What a model file could reach',
    models: 'Model files here',
    model_damaged: 'A model file is damaged',
    mesh_models: 'Models in the office',
    state_traffic: 'What keeping in touch costs',
  },
  known: {
    mesh: ['This computer belongs to “{mesh}”.', ''],
    alone: ['This computer belongs to no mesh and works alone.', ''],
    not_admitted: [
      'This computer was not let in yet. The mesh “{mesh}” is in this network.',
      'Open Computers here: an admin of the mesh types the digits that are shown.',
    ],
    removed: [
      'An admin removed this computer from “{mesh}”, for good.',
      'To come back it has to start anew on an empty data folder, and be let in again.',
    ],
    same_key: [
      'Another computer ({address}) poses as this one: one of the two disks is a copy.',
      'Give the copy a data folder of its own, and let it in anew.',
    ],
    no_network: ['This computer is in no network.', 'Connect it by cable or wireless.'],
    only_virtual: [
      'The only network here is one of virtual machines or containers ({interface}).',
      'Connect this computer to the office network.',
    ],
    listens_here: [
      'Pumasi listens on this computer only, so nobody else can reach it.',
      'Start it without `--listen`.',
    ],
    wrong_interface: [
      'Pumasi listens at {listen} only, but the others are reached by {interface}.',
      'Start it without `--listen`, or with the address that leads to the others.',
    ],
    vpn: [
      'A VPN is up ({interface}). It may swallow what is meant for the office.',
      'Leave the VPN and check again, or have it let the local network alone.',
    ],
    multicast: ['Computers here can find each other by themselves.', ''],
    multicast_off: ['Other computers are not looked for: it is switched off.', ''],
    multicast_failed: [
      'This computer cannot use multicast, so others are not found by themselves.',
      'Known addresses go on working; let new computers in by invitation.',
    ],
    multicast_interface: [
      'Multicast is switched off at {interface}, so others are not found by themselves.',
      'Switch it on, or start Pumasi with `--peer` and the others’ addresses.',
    ],
    multicast_lost: [
      'The firewall here drops multicast, so others are not found by themselves.',
      'Allow UDP port 5353. Until then, let new computers in by invitation.',
    ],
    multicast_blocked: [
      'The network does not pass multicast between this computer and {names}.',
      'Known addresses go on working; let new computers in by invitation. IT can switch off “client isolation”, or mend “IGMP snooping”.',
    ],
    fallback: [
      'Reached all the same: {given} by given addresses, {told} by addresses that others told.',
      '',
    ],
    shut_out: [
      '{count} computers answer and end the connection.',
      'Was this computer removed? Ask an admin. If it was only just let in, start the computer that let it in.',
    ],
    clock_behind: [
      'The clock of this computer is {minutes} minutes or more behind the others’.',
      'Set it: keys and invitations go by it.',
    ],
    clock_differs: [
      'The clock of {name} is {minutes} minutes or more ahead of the one here.',
      'Set the one that is wrong: keys and invitations go by it.',
    ],
    peer: ['{name} can be reached.', ''],
    tcp_only: [
      '{name} is seen, but jobs cannot go there: UDP is blocked on the way.',
      'Allow UDP ports 7863 and 7864 in the firewalls of both.',
    ],
    no_address: [
      'Nobody knows where {name} is.',
      'Is it on, and in this network? Else start Pumasi with `--peer` and its address.',
    ],
    not_listening: [
      'The computer at {address} is on, but Pumasi does not run on it.',
      'Start it there with `pumasi up`.',
    ],
    own_firewall: [
      'The firewall of this computer forbids the way to {address}.',
      'Allow Pumasi out: UDP and TCP port 7863, UDP ports 7864 and 7865.',
    ],
    bridge_address: [
      'The only known address of {name} is one of virtual machines or containers.',
      'Give its address in the office network with `--peer`.',
    ],
    off_or_isolated: [
      '{name} is off, has another address, or the network keeps its computers apart.',
      'Is it on? Is this a guest wireless? Connect both to the office network.',
    ],
    firewall: [
      '{name} ({address}) says nothing: its firewall drops what Pumasi sends.',
      'Allow UDP and TCP port 7863 and UDP port 7864 there.',
    ],
    no_route: [
      'There is no way from here to {name} ({address}), in another network.',
      'Are both in the same network? Else IT has to connect the two; a VPN may be in the way.',
    ],
    other_network: [
      '{name} ({address}) is in another network, and what is sent there vanishes.',
      'Is it on? IT has to allow UDP and TCP port 7863 and UDP port 7864 between the two.',
    ],
    misbehaving: [
      '{name} misbehaves: this computer talks to it again in {minutes} min.',
      'Is its Pumasi damaged, or of another version? If somebody has taken over that computer, remove it.',
    ],
    doubtful: [
      '{name} says of itself what cannot be.',
      'Is its Pumasi damaged, or of another version?',
    ],
    turned_away: [
      '{name} answers and ends the connection.',
      'It does not know this computer as a member. Ask an admin.',
    ],
    udp_blocked: [
      'A firewall blocks UDP on the way to {name} ({address}), while TCP gets through.',
      'Allow UDP ports 7863 and 7864 in the firewalls of both.',
    ],
    not_yet_connected: [
      '{name} answers at {address} and is not connected yet.',
      'Check again in a few seconds.',
    ],
    address_answers: ['A node answers at {address}.', ''],
    version: [
      '{name} runs version {theirs}, this computer {own}.',
      'Neighbouring versions work together; bring both to the same one when it suits.',
    ],
    version_old: [
      '{name} runs version {theirs}, which is too old for {own} here.',
      'Update Pumasi on that computer.',
    ],
    version_new: [
      '{name} runs version {theirs}, and {own} here is too old for it.',
      'Update Pumasi on this computer.',
    ],
  },
} as const;
