import { expect, test } from 'vitest';
import type { Candidate, Round } from '$lib/api/types';
import { chosenOf, parts, ruledOut, runnersUp, scaleOf } from './terms';

const term = (name: string, ms: number): { name: string; ms: number; note: null } => ({
  name,
  ms,
  note: null,
});

test('parts follow each other and savings are taken off the end', () => {
  const bar = parts([term('wait', 100), term('decode', 300), term('cached', -50)], 400);
  expect(bar.parts).toEqual([
    { name: 'wait', start: 0, width: 0.25 },
    { name: 'decode', start: 0.25, width: 0.75 },
  ]);
  expect(bar.saved).toEqual({ name: 'saved', start: 0.875, width: 0.125 });
});

test('terms too small to see are left out of the bar', () => {
  expect(parts([term('network', 1), term('decode', 999)], 1_000).parts).toHaveLength(1);
});

test('a round is told apart into the chosen, the runners-up and those ruled out', () => {
  const candidate = (outcome: Candidate['outcome'], ms: number[]): Candidate => ({
    node: { id: outcome.outcome, name: '' },
    outcome,
    predicted_ms: null,
    bid_ms: null,
    terms: ms.map((value) => term('decode', value)),
  });
  const candidates = [
    candidate({ outcome: 'chosen' }, [200, -20]),
    candidate({ outcome: 'outbid' }, [150, 400]),
    candidate({ outcome: 'excluded', reason: 'no model' }, []),
  ];
  const round: Round = { epoch: 1, after_ms: 0, candidates, passage: null };
  expect(scaleOf(round)).toBe(550);
  expect(chosenOf(round)?.node.id).toBe('chosen');
  expect(runnersUp(round).map(({ node }) => node.id)).toEqual(['outbid']);
  expect(ruledOut(round).map(({ node }) => node.id)).toEqual(['excluded']);
});
