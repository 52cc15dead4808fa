/** Development only: a mesh that does not exist, in the words of the API. Never part of a build. */

import type { Job, Model, ModelState, Node, NodeRef, Status } from '../src/lib/api/types.ts';
import { jobOf } from './jobs.ts';
import { catalogue, computers, devices, people, platforms, type Catalogued } from './names.ts';

const GB = 1024 ** 3;

export interface World {
  status: Status;
  nodes: Node[];
  models: Model[];
  jobs: Job[];
}

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;
export const idOf = (index: number): string => (index * 7 + 3).toString(16).padStart(64, 'a3f9');
export const refOf = ({ id, name }: Node): NodeRef => ({ id, name });

function stateOf(model: Catalogued, index: number): ModelState {
  if (model.starter) return { state: 'loaded', slots: 4, busy: 0 };
  if (index % 5 === 3) return { state: 'held' };
  if (index % 7 === 4) return { state: 'loading', permille: 430 };
  return { state: 'loaded', slots: 4, busy: index % 4 };
}

function nodeOf(index: number): Node {
  const device = at(devices, index);
  const own = catalogue.filter((model, place) => {
    return model.starter || (model.size < device.memory * GB * 0.8 && (index + place) % 2 === 0);
  });
  const suffix = index < computers.length ? '' : ` ${Math.floor(index / computers.length) + 1}`;
  const models = own.map((model) => ({
    name: model.name,
    state: stateOf(model, index),
    memory_bytes: Math.round(model.size * 1.15),
    prefill_tokens_per_s: model.rate * 12,
    decode_tokens_per_s: model.rate * (1 - (index % 5) * 0.12),
  }));
  const taken = models
    .filter(({ state }) => state.state === 'loaded')
    .reduce((sum, model) => sum + model.memory_bytes, 0);
  const total = device.memory * GB;
  return {
    id: idOf(index),
    name: at(computers, index) + suffix,
    person: at(people, index),
    roles: index === 0 ? ['admin'] : ['member'],
    presence: index === 0 ? 'here' : index % 11 === 6 || cutOff(index) ? 'offline' : 'online',
    version: '0.1.0',
    platform: at(platforms, index),
    addresses: [`192.168.1.${20 + index}:7863`],
    devices: [{ ...device, memory_total_bytes: total, memory_free_bytes: total - taken }],
    memory_total_bytes: 32 * GB,
    memory_free_bytes: 11 * GB,
    admission: index % 9 === 5 ? 'owner_busy' : index % 13 === 9 ? 'paused' : 'accepting',
    engines: [{ kind: 'llama', state: 'ready', message: null }],
    models,
    queue: { interactive: index % 4 === 2 ? 2 : 0, batch: 0, work_ms: index % 4 === 2 ? 3_400 : 0 },
    round_trip_ms: index === 0 ? null : 0.4 + (index % 5) * 0.3,
    seen_ms: index % 11 === 6 ? Date.now() - 240_000 : Date.now(),
    cut_off: cutOff(index),
  };
}

/** One in eleven computers is cut off, by turns for the one and for the other reason. */
function cutOff(index: number): Node['cut_off'] {
  if (index % 11 !== 8) return null;
  return { why: index % 2 ? 'nonsense' : 'flood', until_ms: Date.now() + 230_000 };
}

export function modelsOf(nodes: Node[]): Model[] {
  return catalogue.flatMap((model, index) => {
    const places = nodes.flatMap((node) => {
      const held = node.models.find(({ name }) => name === model.name);
      if (!held || node.presence === 'offline') return [];
      const { state, prefill_tokens_per_s, decode_tokens_per_s } = held;
      const wait = state.state === 'held' ? 4_200 : state.state === 'loading' ? 2_300 : 0;
      const rates = { prefill_tokens_per_s, decode_tokens_per_s, wait_ms: wait };
      return [{ node: refOf(node), state, file: `b3${index}`.repeat(16), ...rates }];
    });
    const best = places.find(({ state }) => state.state === 'loaded') ?? places[0];
    const able = model.rate ? (['generate', 'tools'] as const) : (['embed'] as const);
    const { name, size, context, starter } = model;
    const card = {
      name,
      size_bytes: size,
      context_tokens: context,
      starter,
      provider: null,
      at: [],
      created_s: 1_790_000_000,
    };
    const rest = { engine: 'llama' as const, capabilities: [...able], best: best?.node ?? null };
    return places.length ? [{ ...card, ...rest, places }] : [];
  });
}

export function statusOf(nodes: Node[], jobs: Job[]): Status {
  const here = nodes[0];
  return {
    version: '0.1.0',
    node: here ? refOf(here) : { id: idOf(0), name: '창가 자리' },
    mesh: nodes.length ? { id: 'c0ffee'.repeat(10), name: 'Third floor' } : null,
    person: here?.person ?? null,
    roles: ['admin'],
    admission: 'accepting',
    lending: {
      lend: 'accepting',
      until_ms: null,
      holds: [],
      yield: 'slow',
      in_use: false,
      schedule: null,
      on_battery: null,
      memory_cap_bytes: null,
      foreign: 0,
      yielding: 0,
      here: 0,
      empty: true,
    },
    started_ms: Date.now() - 3_600_000,
    members: nodes.length,
    reachable: nodes.filter(({ presence }) => presence !== 'offline').length,
    jobs_running: jobs.filter(({ state }) => state === 'running').length,
    jobs_waiting: jobs.filter(({ state }) => state === 'waiting').length,
    endpoint: null,
    notices: [],
  };
}

export function makeWorld(count: number): World {
  const nodes = Array.from({ length: count }, (_, index) => nodeOf(index));
  const past = Math.min(count * 4, 60);
  const jobs = count ? Array.from({ length: past }, (_, age) => jobOf(age + 1, nodes)) : [];
  return { status: statusOf(nodes, jobs), nodes, models: modelsOf(nodes), jobs };
}
