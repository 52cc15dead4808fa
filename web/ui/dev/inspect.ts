/** Development only: what the inspector would say of a well-known shape. */

import type {
  CacheFormat,
  Fit,
  Inspection,
  Recommendations,
  TensorGroup,
  WeightPart,
} from '../src/lib/api/types.ts';
import { groupsOf, runsOf, shapes, type Shape } from './shapes.ts';
import type { World } from './world.ts';

const perElement: Record<CacheFormat, number> = { f16: 2, q8_0: 1.0625, q4_0: 0.5625 };

function fitsOf(world: World, shape: Shape, weights: number, query: URLSearchParams): Fit[] {
  const context = Number(query.get('context')) || Math.min(8_192, shape.context);
  const slots = Number(query.get('slots')) || 4;
  const cache = (query.get('cache') ?? 'f16') as CacheFormat;
  const token = shape.blocks * shape.sets * shape.head * 2 * perElement[cache];
  const plan = { context, slots, cache, flash_attention: true, gpu_layers: null };
  return world.nodes.slice(0, 3).map((node) => {
    const kept = Math.round(token * context * slots);
    const compute = 300 << 20;
    const overhead = 60 << 20;
    const free = node.memory_free_bytes;
    const needed = weights + kept + compute + overhead;
    const longest = Math.floor((free - weights - compute - overhead) / token / slots);
    const device = {
      device: node.devices[0]?.name ?? '',
      kind: 'cpu',
      weights,
      cache: kept,
    } as const;
    return {
      node: { id: node.id, name: node.name },
      plan,
      devices: [{ ...device, compute, overhead, free, total: node.memory_total_bytes }],
      needed,
      fits: needed <= free,
      longest_context: longest > 0 ? Math.min(longest, shape.context) : null,
      advice:
        needed <= free ? null : 'It needs more than is free: try context 4096, or a q8_0 cache.',
      speed: null,
    };
  });
}

function partsOf(groups: TensorGroup[], parameters: number): Inspection['parts'] {
  const order: WeightPart[] = ['embedding', 'attention', 'feed_forward', 'experts', 'norms'];
  return order.flatMap((part) => {
    const own = groups.filter((one) => one.part === part);
    const count = own.reduce((sum, one) => sum + one.parameters, 0);
    const size = own.reduce((sum, one) => sum + one.bytes, 0);
    if (!count) return [];
    const share = count / parameters;
    return [{ part, parameters: count, bytes: size, share, bits_per_weight: (size * 8) / count }];
  });
}

function cacheOf(shape: Shape): Inspection['cache'] {
  const contexts = [512, 1_024, 4_096, 16_384, 32_768, 65_536, 131_072];
  const token = shape.blocks * shape.sets * shape.head * 2;
  const shorter = contexts.filter((context) => context < shape.context);
  return [...shorter, shape.context].map((context) => ({
    context,
    f16: token * context * perElement.f16,
    q8_0: token * context * perElement.q8_0,
    q4_0: token * context * perElement.q4_0,
  }));
}

function explainedIn(language: string | null): Inspection['explanations'] {
  const ko = language === 'ko';
  const text = ko
    ? '이 모델에 대한 쉬운 설명이 여기에 옵니다. 숫자는 모두 이 모델의 것입니다.'
    : 'Here a few plain sentences explain this part, with the numbers of this very model.';
  const topics = ['model', 'parts', 'blocks', 'attention', 'feed_forward', 'quantization'];
  const more = ['vocabulary', 'cache', 'template', 'license'];
  return [...topics, ...more].map((topic) => ({
    topic,
    title: ko ? '설명' : `About: ${topic.replace('_', '-')}`,
    text,
  }));
}

function attentionOf(shape: Shape): Inspection['attention'] {
  return {
    kind: 'grouped_query',
    heads: shape.heads,
    heads_kv: shape.sets,
    key_length: shape.head,
    value_length: shape.head,
    latent_length: 0,
    blocks: shape.blocks,
    sliding_blocks: shape.window ? Math.floor((shape.blocks * 5) / 6) : 0,
    sliding_window: shape.window ?? null,
    recurrent_blocks: 0,
  };
}

const template: Inspection['template'] = {
  sha256: '676cc8841f200272de81463a188f49c66d899723cc96beb7973a02c58ee598d6',
  bytes: 96,
  text: '{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}',
  tools: true,
  thinking: false,
  system: true,
};

export function inspectionOf(world: World, model: string, query: URLSearchParams): Inspection {
  const key = Object.keys(shapes).find((name) => model.includes(name)) ?? 'llama';
  const shape = shapes[key] as Shape;
  const groups = groupsOf(shape);
  const parameters = groups.reduce((sum, one) => sum + one.parameters, 0);
  const bytes = groups.reduce((sum, one) => sum + one.bytes, 0);
  const parts = partsOf(groups, parameters);
  const experts = parts.find((part) => part.part === 'experts');
  const idle = shape.experts && experts ? 1 - shape.experts.used / shape.experts.count : 0;
  return {
    model,
    node: { id: world.nodes[0]?.id ?? '', name: world.nodes[0]?.name ?? '' },
    title: shape.title,
    description: null,
    license: 'apache-2.0',
    architecture: shape.architecture,
    family: shape.family,
    source: `llama.cpp src/models/${shape.architecture}.cpp`,
    runs: true,
    file_bytes: bytes,
    weight_bytes: bytes,
    parameters,
    active_parameters: Math.round(parameters - idle * (experts?.parameters ?? 0)),
    active_bytes: Math.round(bytes - idle * (experts?.bytes ?? 0)),
    quantization: 'Q4_K_M',
    bits_per_weight: (bytes * 8) / parameters,
    context: shape.context,
    embedding_length: shape.width,
    block_count: shape.blocks,
    feed_forward_length: shape.inner,
    attention: attentionOf(shape),
    experts: shape.experts ?? null,
    vocabulary: shape.vocabulary,
    tokenizer: 'gpt2',
    pre_tokenizer: 'llama-bpe',
    tied_output: true,
    embeds: false,
    template,
    parts,
    groups,
    blocks: runsOf(shape, groups),
    cache: cacheOf(shape),
    state_bytes: 0,
    fits: fitsOf(world, shape, bytes, query),
    explanations: explainedIn(query.get('language')),
  };
}

export function recommendedOn(world: World): Recommendations {
  const [llama, qwen] = [inspectionOf(world, 'llama', new URLSearchParams()), null];
  const nodes = world.nodes.slice(0, 3).map((node, index) => {
    const fit = llama.fits[index];
    if (!fit) return { node: { id: node.id, name: node.name }, best: null, light: qwen };
    const best = {
      title: index ? 'Qwen3 14B' : 'Qwen3 30B-A3B',
      repository: 'bartowski/Qwen_Qwen3-14B-GGUF',
      quantization: 'Q4_K_M',
      file_bytes: 9_000_000_000,
      license: 'Apache-2.0',
      quality: index ? 61.03 : 61.49,
      fit,
      why: 'The best that fits: quality 61.5 %, 9.8 GiB of 20.1 GiB free, about 24 tokens/s.',
    };
    const light = { ...best, title: 'Qwen3 4B', quality: 50.58, why: 'A light one.' };
    return { node: { id: node.id, name: node.name }, best, light };
  });
  return {
    dated: '2026-11-28',
    quality: 'MMLU-Pro of the base model',
    source: 'arXiv:2505.09388',
    nodes,
    best_node: world.nodes[0]?.id ?? null,
  };
}
