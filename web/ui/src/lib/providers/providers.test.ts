import { describe, expect, test } from 'vitest';
import type { Model, Provider, ProviderModel, Providers, Sharing } from '$lib/api/types';
import { en } from '$lib/i18n/en';
import { grouped, named } from './groups';
import { failing, linesOf, moved, namesFor } from './routing';
import { lentRows, sharedWith } from './sharing';
import { atOf, bareName, byNeed, faultWords, standingOf, titleOf, whereOf } from './standing';

const words = en.providers;
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
const sharing: Sharing = {
  with: 'nobody',
  people: [],
  requests_per_minute: 0,
  tokens_per_day: 0,
  usual: true,
  lent: [],
};
const provider = (id: string, more: Partial<Provider> = {}): Provider => ({
  id,
  kind: id,
  name: id.toUpperCase(),
  base: null,
  has_key: true,
  outside: true,
  found: false,
  keeps_nothing: false,
  only: [],
  models: [model(`${id}/m`)],
  sharing,
  ...more,
});
const all = (providers: Provider[], routing: Partial<Providers['routing']> = {}): Providers => ({
  providers,
  elsewhere: [],
  kinds: [],
  routing: {
    policy: 'mesh_first',
    full_after_ms: 5_000,
    aliases: {},
    stand_in: [],
    find_local: true,
    rehearsal: false,
    retries: 2,
    retry_percent: 10,
    retry_burst: 10,
    wait_ms: 5_000,
    hedge_after_ms: 0,
    hedge_paid: false,
    ...routing,
  },
});

test('a provider is called as its kind until a person names it', () => {
  expect(titleOf(provider('openai'))).toBe('OPENAI');
  expect(titleOf(provider('lab', { kind: 'openai-compatible' }))).toBe('lab');
});

test('says where a text goes: outside, to this computer, or to an address', () => {
  expect(atOf(provider('openai'), words)).toBe('at OPENAI (outside the office)');
  const inside = { outside: false };
  expect(whereOf(provider('ollama', { ...inside, found: true }), words)).toBe(words.foundHere);
  const base = 'http://10.0.0.5:8000/v1';
  expect(whereOf(provider('vllm', { ...inside, base }), words)).toBe(base);
  expect(whereOf(provider('vllm', inside), words)).toBe(words.thisComputer);
});

test('a provider stands as the worst of its models', () => {
  const rests = model('p/b', { state: 'resting' });
  expect(standingOf(provider('p', { models: [] })).kind).toBe('empty');
  expect(standingOf(provider('p')).kind).toBe('ready');
  expect(standingOf(provider('p', { models: [model('p/a'), rests] }))).toEqual({
    kind: 'some',
    count: 1,
  });
  expect(standingOf(provider('p', { models: [rests] })).kind).toBe('none');
});

test('models that need a look come first, then those that were asked', () => {
  const models = [model('a'), model('b', { requests: 2 }), model('c', { state: 'resting' })];
  expect(byNeed(models).map(({ name }) => name)).toEqual(['c', 'b', 'a']);
});

test('a fault without words stands for itself', () => {
  expect(faultWords('key', words)).toBe('it refused the key');
  expect(faultWords('quite_new', words)).toBe('quite_new');
});

test('only its own provider is cut off a name', () => {
  expect(bareName('openrouter/meta/llama', 'openrouter')).toBe('meta/llama');
  expect(bareName('openrouter/meta/llama', 'meta')).toBe('openrouter/meta/llama');
});

describe('without the clouds', () => {
  const mesh = new Set(['qwen']);
  const cloud = provider('openai');
  const local = provider('ollama', { outside: false });

  test('nothing fails where nothing is outside', () => {
    expect(failing(all([local]), mesh)).toEqual({ kind: 'none' });
  });

  test('the first that stands in and is in the office answers for all', () => {
    const routing = { stand_in: ['gone', 'qwen'] };
    expect(failing(all([cloud], routing), mesh)).toEqual({ kind: 'stoodIn', name: 'qwen' });
    expect(failing(all([cloud], { stand_in: ['gone'] }), mesh).kind).toBe('some');
  });

  test('models outside fail, and names with nobody inside behind them', () => {
    const aliases = {
      best: ['openai/m'],
      fast: ['openai/m', 'qwen'],
      bare: ['m'],
      far: ['elsewhere'],
    };
    const state = all([cloud, local], { aliases });
    expect(failing(state, mesh)).toEqual({ kind: 'some', names: ['best', 'far', 'openai/m'] });
    // `openai/m` is asked of that provider alone, whoever else has a model of this name.
    expect(failing(state, new Set(['openai/m', 'm']))).toEqual({
      kind: 'some',
      names: ['best', 'fast', 'far', 'openai/m'],
    });
  });

  test('clouds of other computers count, too', () => {
    const node = { id: '00', name: 'desk' };
    const far = { ...cloud, id: 'openai.desk', node, spent: false };
    const elsewhere = [{ ...far, models: [model('openai.desk/m')] }];
    const state = { ...all([], { aliases: { best: ['openai/m'] } }), elsewhere };
    expect(failing(state, mesh)).toEqual({ kind: 'some', names: ['best', 'openai.desk/m'] });
  });

  test('a provider that lists nothing still counts', () => {
    const state = all([provider('azure', { models: [] })]);
    expect(failing(state, mesh)).toEqual({ kind: 'some', names: ['azure/…'] });
  });
});

test('an order is changed a step at a time, and never beyond its ends', () => {
  expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a', 'b', 'c'], 0, -1)).toEqual(['a', 'b', 'c']);
  expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
  expect(moved(['a', 'b', 'c'], 2, 1)).toEqual(['a', 'b', 'c']);
});

test('names that stand for models of a provider are found by its id, whole', () => {
  const aliases = { a: ['open/x'], b: ['openai/x', 'y'] };
  expect(namesFor('openai', all([], { aliases }))).toEqual(['b']);
});

test('names of models are read line by line, each once', () => {
  expect(linesOf(' gpt-4o\n\no3, gpt-4o ')).toEqual(['gpt-4o', 'o3']);
});

test('the office’s models come first, then names, then each provider', () => {
  const one = (name: string, at: string | null): Model => ({ name, provider: at }) as Model;
  const models = [one('z/1', 'z'), one('fast', 'alias'), one('b', null), one('a/1', 'a')];
  const groups = grouped([...models, one('c', null)]);
  expect(groups.map(({ provider: at }) => at)).toEqual([null, 'alias', 'a', 'z']);
  expect(groups[0]?.models.map(({ name }) => name)).toEqual(['b', 'c']);
  expect(named(models, ' FAS').map(({ name }) => name)).toEqual(['fast']);
  expect(named(models, '')).toHaveLength(4);
});

test('who else may ask it is said with its limits, and what they used', () => {
  expect(sharedWith(sharing, words)).toBe(words.sharing.nobody);
  const some: Sharing = { ...sharing, with: 'people', people: ['kim', 'lee'] };
  expect(sharedWith(some, words)).toBe('computers of kim, lee');
  const limited: Sharing = { ...sharing, with: 'everyone', requests_per_minute: 60 };
  expect(sharedWith(limited, words)).toBe('every computer of the mesh (60 requests a minute)');
  const node = { id: '00', name: 'desk' };
  const lent = [
    { node, person: 'kim', requests: 1, tokens: 900, cost_usd: null },
    { node: { ...node, name: 'lab' }, person: null, requests: 2, tokens: 30, cost_usd: 0.1 },
  ];
  expect(lentRows({ ...sharing, lent }, words)).toEqual([
    [words.sharing.usedToday, 'desk (kim): 1 request, 900 tokens'],
    ['', 'lab: 2 requests, 30 tokens'],
  ]);
});
