/** Development only: jobs of the mock mesh, past ones and such as come and go. */

import type { Job, JobState, Node, Why } from '../src/lib/api/types.ts';

const ends: JobState[] = [
  'completed',
  'completed',
  'completed',
  'failed',
  'completed',
  'cancelled',
];
const kinds = ['chat', 'chat', 'embedding', 'document', 'chat', 'image'] as const;
let count = 0;

const refOf = ({ id, name }: Node): { id: string; name: string } => ({ id, name });

export function freshId(): string {
  count += 1;
  return `01a2b3c4-0000-7000-8000-${count.toString(16).padStart(12, '0')}`;
}

/** A job that ended `age` steps ago. */
export function jobOf(age: number, nodes: Node[]): Job {
  const there = nodes.filter(({ presence }) => presence !== 'offline');
  const owner = there[(age * 5) % there.length] as Node;
  const node = there[(age * 3 + 1) % there.length] as Node;
  const state = ends[age % ends.length] ?? 'completed';
  const took = 400 + ((age * 977) % 9_000);
  const accepted = Date.now() - age * 47_000 - took;
  const failed = { code: 'engine_crash', message: 'the engine crashed; it is being restarted' };
  return {
    id: freshId(),
    provider: null,
    kind: kinds[age % kinds.length] ?? 'chat',
    model: node.models.at(-1)?.name ?? 'starter',
    person: owner.person,
    owner: refOf(owner),
    owner_reachable: true,
    state,
    node: refOf(node),
    priority: age % 3 ? 'interactive' : 'batch',
    durable: age % 3 === 0,
    attempts: age % 8 === 3 ? 2 : 1,
    progress: null,
    usage: { prompt_tokens: 40 + age * 3, cached_tokens: age % 2 ? 32 : 0, completion_tokens: 220 },
    timings: { queued_ms: took * 0.1, prefill_ms: took * 0.15, decode_ms: took * 0.6 },
    error: state === 'failed' ? failed : null,
    why: `${node.name} would finish soonest: its model was awake and no one waited.`,
    accepted_ms: accepted,
    ended_ms: accepted + took,
  };
}

export function newJob(owner: Node, node: Node, model: string): Job {
  const past = jobOf(0, [owner]);
  const why = `${node.name} would finish soonest: its model is awake and no one waits.`;
  const open = { usage: null, timings: null, error: null, ended_ms: null, attempts: 1, why };
  const card = { kind: 'chat', model, priority: 'interactive', durable: false } as const;
  const here = { state: 'waiting', node: null, progress: null, accepted_ms: Date.now() } as const;
  return { ...past, ...open, ...card, ...here, owner: refOf(owner), person: node.person ?? '민지' };
}

/** Three offers, a few not asked and one that could not. */
export function whyOf(job: Job, nodes: Node[]): Why {
  const chosen = nodes.find(({ id }) => id === job.node?.id);
  const others = nodes.filter(({ id }) => id !== chosen?.id).slice(0, 6);
  const candidates = [chosen, ...others]
    .filter((node) => node !== undefined)
    .map((node, rank) => {
      const excluded = rank > 0 && (node.presence === 'offline' || rank === 5);
      const terms = [
        { name: 'wait', ms: rank * 420, note: rank ? `${rank} jobs before it` : null },
        {
          name: 'load',
          ms: rank === 2 ? 4_100 : 0,
          note: rank === 2 ? 'from its disk, 9 GB' : null,
        },
        { name: 'prefill', ms: 180 + rank * 30, note: '620 tokens at 1,700 tokens/s' },
        {
          name: 'cached',
          ms: rank === 0 ? -90 : 0,
          note: rank === 0 ? '256 tokens are cached' : null,
        },
        { name: 'decode', ms: 2_100 + rank * 380, note: '220 tokens at 52 tokens/s' },
        { name: 'network', ms: rank ? 1.2 : 0, note: null },
      ].filter(({ ms }) => ms !== 0);
      const sum = terms.reduce((total, { ms }) => total + ms, 0);
      const runner = rank < 3 ? ('outbid' as const) : ('not_asked' as const);
      return {
        node: refOf(node),
        outcome: excluded
          ? { outcome: 'excluded' as const, reason: 'the model is not on this computer' }
          : { outcome: rank === 0 ? ('chosen' as const) : runner },
        predicted_ms: excluded ? null : sum,
        bid_ms: rank < 3 && !excluded ? sum * 1.04 : null,
        terms: excluded ? [] : terms,
      };
    });
  const summary = job.why ?? '';
  if (job.provider) return { job: job.id, summary, rounds: [] };
  return { job: job.id, summary, rounds: [{ epoch: 1, after_ms: 2, candidates, passage: null }] };
}
