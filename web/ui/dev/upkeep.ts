/** Development only: what the pages for whoever looks after the computers show of the mock mesh. */

import type { AuditEntry, Check, CheckOutcome, Key, NodeRef } from '../src/lib/api/types.ts';
import { refOf, type World } from './world.ts';

const HOUR_MS = 3_600_000;

export function checksOf(world: World): Check[] {
  const check = (
    code: string,
    outcome: CheckOutcome,
    values: Record<string, string> = {},
    details: string[] = [],
  ): Check => ({
    code,
    outcome,
    message: `what the node says of ${code}`,
    advice: outcome === 'good' || outcome === 'skipped' ? null : 'what the node advises',
    values,
    details,
  });
  const others = world.nodes.filter(({ presence }) => presence !== 'here');
  const peers = others.map(({ name }, index) => {
    const values = { name, address: `192.168.1.${21 + index}:7863` };
    const tried = [`${values.address} (told by members, by eth0): UDP silent, TCP answers`];
    return index === 1
      ? check('udp_blocked', 'trouble', values, tried)
      : check('peer', 'good', values);
  });
  const names = others[0]?.name ?? '';
  return [
    check('mesh', 'good', { mesh: world.status.mesh?.name ?? '' }),
    ...(names ? [check('multicast_blocked', 'warning', { names })] : []),
    check('fallback', 'good', { given: '1', told: '2' }),
    ...peers,
    check('data_dir', 'good'),
    check('worker', 'good'),
    check('state_traffic', 'skipped'),
  ];
}

export function keysOf(now: number): Key[] {
  const key = (name: string, more: Partial<Key>): Key => ({
    id: name.length.toString(16).padStart(12, '3f9a'),
    name,
    person: '지은',
    scopes: ['inference'],
    state: 'active',
    created_ms: now - 30 * 24 * HOUR_MS,
    expires_ms: now + 60 * 24 * HOUR_MS,
    requests_per_min: null,
    tokens_per_min: null,
    tokens_per_day: 200_000,
    tokens_in_all: null,
    requests: 1_284,
    tokens: 3_482_113,
    tokens_today: 41_300,
    last_used_ms: now - HOUR_MS / 3,
    ...more,
  });
  return [
    key('번역 도우미', { scopes: ['inference', 'jobs'] }),
    key('build-server', {
      person: 'Tomás',
      tokens_per_day: null,
      expires_ms: null,
      last_used_ms: null,
    }),
    key('old-bot', { state: 'revoked' }),
  ];
}

export function recordOf(world: World, now: number): AuditEntry[] {
  const [here, other] = [world.nodes[0], world.nodes[1] ?? world.nodes[0]];
  if (!here || !other) return [];
  const entry = (minutes: number, more: Partial<AuditEntry>): AuditEntry => ({
    at_ms: now - minutes * 60_000,
    act: 'asked',
    person: here.person,
    node: refOf(here),
    key: null,
    about: null,
    job: null,
    stands: true,
    ...more,
  });
  const about = (name: string, grants: string[] = []): AuditEntry['about'] => ({
    id: 'a3f9',
    name,
    person: other.person,
    grants,
  });
  const jobs = world.jobs.slice(0, 12).map((job, index) =>
    entry(index * 7, {
      act: index % 4 === 3 ? 'ran' : 'asked',
      person: job.person,
      key: index % 5 === 2 ? '3f9a3f9a3f9a' : null,
      job: {
        id: job.id,
        kind: job.kind,
        model: job.model,
        owner: job.owner,
        ran_on: job.node as NodeRef | null,
        provider: job.provider,
        asked_bytes: 812,
        prompt_tokens: 204 + index * 31,
        cached_tokens: 0,
        completion_tokens: 96 + index * 17,
        attempts: 1,
        accepted_ms: job.accepted_ms,
        outcome: index % 6 === 5 ? 'failed' : 'completed',
        error: index % 6 === 5 ? 'connection_lost' : null,
      },
    }),
  );
  return [
    ...jobs,
    entry(140, { act: 'key_made', about: about('번역 도우미', ['inference', 'jobs']) }),
    entry(260, { act: 'removed', about: about('Old laptop') }),
    entry(261, { act: 'admitted', about: about('Copied desk', ['member']), stands: false }),
    entry(900, { act: 'admitted', about: about(other.name, ['member']) }),
    entry(960, { act: 'founded', about: about('Third floor') }),
  ];
}
