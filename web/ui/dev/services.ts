/** Development only: the services that the mock mesh could ask. */

import type {
  Provider,
  ProviderElsewhere,
  ProviderKind,
  ProviderModel,
  Sharing,
} from '../src/lib/api/types.ts';

const kind = (id: string, name: string, more: Partial<ProviderKind> = {}): ProviderKind => ({
  id,
  name,
  base: `https://api.${id}.example/v1`,
  key: 'required',
  outside: true,
  keys_at: `https://${id}.example/keys`,
  ...more,
});
const own = { key: 'optional', outside: false, keys_at: null } as const;

export const kinds: ProviderKind[] = [
  kind('openai', 'OpenAI'),
  kind('anthropic', 'Anthropic'),
  kind('azure', 'Azure OpenAI', { base: null }),
  kind('openrouter', 'OpenRouter'),
  kind('upstage', 'Upstage'),
  kind('ollama', 'Ollama', { ...own, base: 'http://127.0.0.1:11434/v1' }),
  kind('openai-compatible', 'OpenAI-compatible server', { ...own, base: null }),
];

export const model = (name: string, more: Partial<ProviderModel> = {}): ProviderModel => ({
  name,
  context_tokens: null,
  state: 'ready',
  retry_s: null,
  requests: 0,
  failed: 0,
  first_byte_ms: null,
  tokens_per_s: null,
  last_fault: null,
  price_in: null,
  price_out: null,
  ...more,
});

const alone: Sharing = {
  with: 'nobody',
  people: [],
  requests_per_minute: 0,
  tokens_per_day: 0,
  usual: true,
  lent: [],
};

export function provider(id: string, kindId: string, more: Partial<Provider> = {}): Provider {
  const of = kinds.find((one) => one.id === kindId);
  const { name = kindId, outside = true } = of ?? {};
  const card = { id, kind: kindId, name, base: null, has_key: true, outside, found: false };
  return { ...card, keeps_nothing: false, only: [], models: [], sharing: alone, ...more };
}

const asked = { requests: 48, first_byte_ms: 412, tokens_per_s: 71 };
export const fresh = (): Provider[] => [
  provider('openai', 'openai', {
    models: [
      model('openai/gpt-5', {
        ...asked,
        context_tokens: 400_000,
        failed: 6,
        state: 'resting',
        retry_s: 42,
        last_fault: 'unavailable',
        price_in: 1.25,
        price_out: 10,
      }),
      model('openai/gpt-5-mini', { ...asked, price_in: 0.25, price_out: 2 }),
      model('openai/o3', { state: 'held_back', retry_s: 7, last_fault: 'rate_limited' }),
      model('openai/gpt-4.1', { ...asked, state: 'trying', last_fault: 'timeout_first_byte' }),
    ],
  }),
  provider('ollama', 'ollama', {
    has_key: false,
    found: true,
    base: 'http://127.0.0.1:11434/v1',
    sharing: { ...alone, with: 'everyone' },
    models: [model('ollama/llama3.2:3b', { context_tokens: 8_192, tokens_per_s: 48 })],
  }),
  provider('openrouter', 'openrouter', {
    models: Array.from({ length: 60 }, (_, index) => model(`openrouter/maker/model-${index}`)),
  }),
  provider('azure', 'azure', { base: 'https://desk.openai.example/openai/v1' }),
];

export const far = (): ProviderElsewhere[] => [
  {
    id: 'anthropic.meeting-room',
    node: { id: '5'.repeat(64), name: 'meeting-room' },
    kind: 'anthropic',
    name: 'Anthropic',
    outside: true,
    keeps_nothing: false,
    spent: false,
    models: [model('anthropic.meeting-room/claude-sonnet-4-5', { price_in: 3, price_out: 15 })],
  },
];
