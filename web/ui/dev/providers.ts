/** Development only: providers of the mock mesh, and how its requests are routed. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Model, Provider, Providers } from '../src/lib/api/types.ts';
import { far, fresh, kinds, model, provider } from './services.ts';

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
    const elsewhere = isFresh ? [] : far();
    this.all = { providers: isFresh ? [] : fresh(), elsewhere, kinds, routing };
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
      ...this.all.elsewhere
        .filter(({ outside }) => !(closed && outside))
        .flatMap(({ id, node, models }) => {
          const short = id.slice(0, id.indexOf('.'));
          const named = (name: string): string => name.replace(`${id}/`, `${short}/`);
          return models.map(({ name }) => ({ ...card(named(name), short, null), at: [node] }));
        }),
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
    if (verb === 'share') {
      const one = this.all.providers.find((other) => other.id === id);
      if (one) one.sharing = { ...one.sharing, ...body, usual: false };
      say(one);
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
    at: [],
    places: [],
    best: null,
  };
}
