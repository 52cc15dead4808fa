/** Development only: what happens in the mock mesh while one looks at it. */

import type { Event, Job, Node } from '../src/lib/api/types.ts';
import { newJob } from './jobs.ts';
import { Outside } from './providers.ts';
import { makeWorld, modelsOf, refOf, statusOf, type World } from './world.ts';

const STEP_MS = 900;

export class Life {
  world: World;
  outside: Outside;
  #listeners = new Set<(event: Event) => void>();
  #step = 0;

  constructor(count: number) {
    this.world = makeWorld(count);
    this.outside = new Outside(count === 0);
    this.outsideChanged();
    setInterval(() => this.#tick(), STEP_MS).unref();
  }

  listen(listener: (event: Event) => void): () => void {
    listener({ type: 'snapshot', snapshot: this.world });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** What providers have comes and goes with them. */
  outsideChanged(): void {
    const ours = this.world.models.filter(({ provider }) => provider === null);
    this.world.models = [...ours, ...this.outside.models()];
    this.emit({ type: 'snapshot', snapshot: this.world });
    this.emit({ type: 'providers' });
  }

  put(job: Job): void {
    this.world.jobs = [job, ...this.world.jobs.filter(({ id }) => id !== job.id)].slice(0, 200);
    this.emit({ type: 'job', job });
    this.world.status = statusOf(this.world.nodes, this.world.jobs);
    this.emit({ type: 'status', status: this.world.status });
  }

  /** Starts a job on the computer that holds the model, for a page that asks. */
  begin(model: string): { job: Job; node: Node | null } | null {
    const owner = this.world.nodes[0];
    const { best, provider } = this.world.models.find(({ name }) => name === model) ?? {};
    if (owner && provider) {
      const meant = this.outside.all.routing.aliases[model]?.[0] ?? model;
      const why = `${model} was asked for by its name.`;
      const job: Job = { ...newJob(owner, owner, model), state: 'running', why };
      job.provider = meant.split('/')[0] ?? provider;
      this.put({ ...job, node: null });
      return { job: { ...job, node: null }, node: null };
    }
    const node = this.world.nodes.find(({ id }) => id === best?.id);
    if (!owner || !node) return null;
    const job: Job = { ...newJob(owner, node, model), state: 'running', node: refOf(node) };
    this.put(job);
    return { job, node };
  }

  end(job: Job, state: 'completed' | 'failed' | 'cancelled', tokens: number): void {
    const usage = { prompt_tokens: 12, cached_tokens: 0, completion_tokens: tokens };
    this.put({ ...job, state, progress: null, usage, ended_ms: Date.now() });
  }

  setModel(nodeId: string, name: string, loaded: boolean): void {
    const node = this.world.nodes.find(({ id }) => id === nodeId);
    const model = node?.models.find((held) => held.name === name);
    if (!node || !model) return;
    model.state = loaded ? { state: 'loaded', slots: 4, busy: 0 } : { state: 'held' };
    this.world.models = [...modelsOf(this.world.nodes), ...this.outside.models()];
    this.emit({ type: 'node', node });
    for (const changed of this.world.models) this.emit({ type: 'model', model: changed });
  }

  #tick(): void {
    this.#step += 1;
    const step = this.#step;
    const there = this.world.nodes.filter(({ presence }) => presence !== 'offline');
    if (there.length < 2 || !this.#listeners.size) return;
    const going = this.world.jobs.filter(({ ended_ms: ended }) => ended === null);
    for (const job of going) this.#advance(job, there);
    if (going.length < Math.max(2, there.length / 3)) {
      const owner = there[(step * 3) % there.length] as Node;
      const node = there[(step * 7 + 1) % there.length] as Node;
      this.put(newJob(owner, node, node.models.at(-1)?.name ?? 'starter'));
    }
  }

  #advance(job: Job, there: Node[]): void {
    const age = Date.now() - job.accepted_ms;
    if (job.state === 'waiting') {
      const node = there[(this.#step * 5 + job.id.charCodeAt(35)) % there.length] as Node;
      this.put({ ...job, state: 'bound', node: refOf(node) });
    } else if (job.state === 'bound') {
      this.put({ ...job, state: 'running', progress: { phase: 'prefill', step: 40, total: 200 } });
    } else if (age > 9_000 && job.id.charCodeAt(35) % 3 !== this.#step % 3) {
      this.end(job, 'completed', 220);
    } else {
      this.put({ ...job, progress: { phase: 'decode', step: Math.round(age / 20), total: null } });
    }
  }
}
