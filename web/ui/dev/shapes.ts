/** Development only: three well-known shapes of models, tensor by tensor. */

import type { BlockRun, TensorGroup, WeightPart } from '../src/lib/api/types.ts';

export interface Shape {
  title: string;
  architecture: string;
  family: string;
  width: number;
  blocks: number;
  heads: number;
  sets: number;
  head: number;
  inner: number;
  vocabulary: number;
  context: number;
  window?: number;
  experts?: { count: number; used: number; shared: number; width: number };
}

export const shapes: Record<string, Shape> = {
  llama: {
    title: 'Llama 3.1 8B Instruct',
    architecture: 'llama',
    family: 'Llama',
    width: 4_096,
    blocks: 32,
    heads: 32,
    sets: 8,
    head: 128,
    inner: 14_336,
    vocabulary: 128_256,
    context: 131_072,
  },
  gemma: {
    title: 'Gemma 3 12B it',
    architecture: 'gemma3',
    family: 'Gemma 3',
    width: 3_840,
    blocks: 48,
    heads: 16,
    sets: 8,
    head: 256,
    inner: 15_360,
    vocabulary: 262_208,
    context: 131_072,
    window: 1_024,
  },
  qwen: {
    title: 'Qwen3 30B A3B',
    architecture: 'qwen3moe',
    family: 'Qwen 3 (experts)',
    width: 2_048,
    blocks: 48,
    heads: 32,
    sets: 4,
    head: 128,
    inner: 6_144,
    vocabulary: 151_936,
    context: 40_960,
    experts: { count: 128, used: 8, shared: 0, width: 768 },
  },
};

const bits: Record<string, number> = { Q4_K: 4.5, Q6_K: 6.5625, F32: 32 };

/** llama.cpp gives more bits to some tensors in the first and last eighth, and every third between. */
const isRich = (block: number, blocks: number): boolean =>
  block < blocks / 8 || block >= (7 * blocks) / 8 || (block - blocks / 8) % 3 === 2;

function group(
  shape: Shape,
  name: string,
  part: WeightPart,
  one: number,
  mixed: boolean,
): TensorGroup {
  const runs: TensorGroup['blocks'] = [];
  for (let block = 0; block < shape.blocks; block += 1) {
    const type = part === 'norms' ? 'F32' : mixed && isRich(block, shape.blocks) ? 'Q6_K' : 'Q4_K';
    const last = runs.at(-1);
    if (last?.tensor_type === type) last.last = block;
    else runs.push({ first: block, last: block, tensor_type: type, bits: bits[type] ?? 0 });
  }
  const sizes = runs.map((run) => ((run.last - run.first + 1) * one * run.bits) / 8);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const parameters = one * shape.blocks;
  const types = [...new Set(runs.map((run) => run.tensor_type))];
  return {
    name: `blk.*.${name}.weight`,
    part,
    parameters,
    bytes: Math.round(bytes),
    bits_per_weight: (bytes * 8) / parameters,
    types,
    blocks: runs,
  };
}

export function groupsOf(shape: Shape): TensorGroup[] {
  const { width, head, heads, sets, inner, experts } = shape;
  const table = width * shape.vocabulary;
  const embedding: TensorGroup = {
    name: 'token_embd.weight',
    part: 'embedding',
    parameters: table,
    bytes: Math.round((table * 6.5625) / 8),
    bits_per_weight: 6.5625,
    types: ['Q6_K'],
    blocks: [],
  };
  const feed = experts
    ? ['gate', 'up', 'down'].map((name) =>
        group(
          shape,
          `ffn_${name}_exps`,
          'experts',
          width * experts.width * experts.count,
          name === 'down',
        ),
      )
    : ['gate', 'up', 'down'].map((name) =>
        group(shape, `ffn_${name}`, 'feed_forward', width * inner, name === 'down'),
      );
  return [
    embedding,
    group(shape, 'attn_q', 'attention', width * heads * head, false),
    group(shape, 'attn_k', 'attention', width * sets * head, false),
    group(shape, 'attn_v', 'attention', width * sets * head, true),
    group(shape, 'attn_output', 'attention', width * heads * head, false),
    ...feed,
    group(shape, 'attn_norm', 'norms', width, false),
  ];
}

export function runsOf(shape: Shape, groups: TensorGroup[]): BlockRun[] {
  const parts = new Map<WeightPart, number>();
  for (const { part, parameters, blocks } of groups) {
    if (blocks.length) parts.set(part, (parts.get(part) ?? 0) + parameters / shape.blocks);
  }
  const runs: BlockRun[] = [];
  for (let block = 0; block < shape.blocks; block += 1) {
    const sight = shape.window && block % 6 < 5 ? 'sliding' : 'full';
    const last = runs.at(-1);
    if (last?.sight === sight) last.last = block;
    else {
      runs.push({
        first: block,
        last: block,
        sight,
        heads: shape.heads,
        heads_kv: shape.sets,
        caches: true,
        experts: shape.experts !== undefined,
        parts: [...parts].map(([part, parameters]) => ({ part, parameters })),
      });
    }
  }
  return runs;
}
