/** Development only: providers of the mock mesh, and how its requests are routed. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  Model,
  Provider,
  ProviderKind,
  ProviderModel,
  Providers,
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

const kinds: ProviderKind[] = [
  kind('openai', 'OpenAI'),
  kind('anthropic', 'Anthropic'),
  kind('azure', 'Azure OpenAI', { base: null }),
  kind('openrouter', 'OpenRouter'),
  kind('upstage', 'Upstage'),
  kind('ollama', 'Ollama', { ...own, base: 'http://127.0.0.1:11434/v1' }),
  kind('openai-compatible', 'OpenAI-compatible server', { ...own, base: null }),
];

const model = (name: string, more: Partial<ProviderModel> = {}): ProviderModel => ({
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

function provider(id: string, kindId: string, more: Partial<Provider> = {}): Provider {
  const of = kinds.find((one) => one.id === kindId);
  const { name = kindId, outside = true } = of ?? {};
  const card = { id, kind: kindId, name, base: null, has_key: true, outside, found: false };
  return { ...card, keeps_nothing: false, only: [], models: [], ...more };
}

const asked = { requests: 48, first_byte_ms: 412, tokens_per_s: 71 };
const fresh = (): Provider[] => [
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
    models: [model('ollama/llama3.2:3b', { context_tokens: 8_192, tokens_per_s: 48 })],
  }),
  provider('openrouter', 'openrouter', {
    models: Array.from({ length: 60 }, (_, index) => model(`openrouter/maker/model-${index}`)),
  }),
  provider('azure', 'azure', { base: 'https://desk.openai.example/openai/v1' }),
];

/** What the mock knows of providers; a fresh install has none. */
export class Outside {
  all: Providers;

  constructor(isFresh: boolean) {
    const aliases: Record<string, string[]> = isFresh
      ? {}
      : { fast: ['openai/gpt-5-mini', 'qwen3-14b-q4_k_m'], best: ['openai/gpt-5'] };
    const routing = {
      policy: 'mesh_first' as const,
      full_after_ms: 5_000,
      aliases,
      stand_in: [],
      find_local: true,
      rehearsal: false,
      retries: 2,
      retry_percent: 10,
      retry_burst: 10,
      wait_ms: 5_000,
      hedge_after_ms: 0,
      hedge_paid: false,
    };
    this.all = { providers: isFresh ? [] : fresh(), kinds, routing };
  }

  /** As the list of models shows them. */
  models(): Model[] {
    const { providers, routing } = this.all;
    const closed = routing.rehearsal || routing.policy === 'never_cloud';
    const open = providers.filter(({ outside }) => !(closed && outside));
    return [
      ...open.flatMap(({ id, models }) =>
        models.map(({ name, context_tokens }) => card(name, id, context_tokens)),
      ),
      ...Object.keys(routing.aliases).map((name) => card(name, 'alias', null)),
    ];
  }

  #set(body: Record<string, unknown>): Provider {
    const kindId = String(body.kind);
    const id = String(body.id ?? kindId);
    const known = this.all.providers.find((one) => one.id === id);
    const only = (body.models as string[] | undefined) ?? [];
    const lists = kindId === 'azure' ? only : ['one', 'two'];
    const wanted = only.length ? only : lists;
    const one = provider(id, kindId, {
      base: (body.base as string | null) ?? null,
      keeps_nothing: (body.keeps_nothing as boolean | null) ?? known?.keeps_nothing ?? false,
      has_key: Boolean(body.key) || (known?.has_key ?? false),
      only,
      models: wanted.map((name) => model(`${id}/${name}`)),
    });
    this.all.providers = [...this.all.providers.filter((other) => other.id !== id), one];
    return one;
  }

  /** Answers; says whether what can be asked has changed. */
  async answer(
    request: IncomingMessage,
    [what, id, verb]: string[],
    body: Record<string, unknown>,
    response: ServerResponse,
  ): Promise<boolean> {
    const say = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (what === 'routing') {
      this.all.routing = { ...this.all.routing, ...body };
      say(this.all.routing);
      return true;
    }
    if (verb === 'check') {
      const one = this.all.providers.find((other) => other.id === id);
      if (one?.models.length) say(one);
      else {
        const message = 'the provider did not answer: it refused the key';
        say({ error: { code: 'provider_unanswered', message } }, 502);
      }
      return false;
    }
    if (request.method === 'DELETE') {
      this.all.providers = this.all.providers.filter((one) => one.id !== id);
      response.writeHead(204).end();
      return true;
    }
    if (request.method === 'POST') {
      say(this.#set(body));
      return true;
    }
    say(this.all);
    return false;
  }
}

function card(name: string, at: string, context: number | null): Model {
  return {
    name,
    engine: 'cloud',
    size_bytes: 0,
    context_tokens: context ?? 0,
    capabilities: ['generate'],
    starter: false,
    created_s: 0,
    provider: at,
    places: [],
    best: null,
  };
}
