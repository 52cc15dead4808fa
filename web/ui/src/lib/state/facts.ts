/** How an answer went, as it is kept, and back. Pure. */

import type { Origin } from '$lib/api/completion';
import type { AnswerEnd, AnswerFacts } from '$lib/api/types';
import type { Answer, Progress } from './message.svelte';

export function factsOf(answer: Answer): AnswerFacts {
  const { origin, fault, tokens, firstMs, thoughtMs, budget, effort, rate, seams } = answer;
  const node = origin?.node ? { id: origin.nodeId ?? origin.node, name: origin.node } : null;
  const end = endOf(answer);
  return {
    ...(end && { end }),
    ...(fault && { error: fault.code }),
    ...(origin?.job && { job: origin.job }),
    ...(node && { node }),
    ...(origin?.provider && { provider: origin.provider }),
    ...(origin?.why && { why: origin.why }),
    ...(seams.length && { seams }),
    ...(tokens !== null && { tokens }),
    ...(rate !== null && { tokens_per_s: rate }),
    ...(firstMs !== null && { first_ms: firstMs }),
    ...(thoughtMs !== null && { thought_ms: thoughtMs }),
    ...(budget !== null && { budget }),
    ...(effort !== null && { effort }),
  };
}

function endOf({ progress, finish }: Answer): AnswerEnd | null {
  switch (progress) {
    case 'done':
      return finish === 'length' ? 'length' : 'done';
    case 'stopped':
      return 'stopped';
    case 'failed':
      return 'failed';
    case 'waiting':
    case 'writing':
    case 'left':
      return null;
  }
}

export function ended(end: AnswerEnd | undefined): Progress {
  if (end === undefined) return 'left';
  return end === 'length' ? 'done' : end;
}

export function originOf(facts: AnswerFacts): Origin | null {
  const { job = null, node, provider = null, why = null } = facts;
  if (job === null && !node && provider === null) return null;
  return { job, node: node?.name ?? null, nodeId: node?.id ?? null, provider, why };
}
