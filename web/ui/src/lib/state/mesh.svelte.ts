/** The mesh as every page sees it, kept fresh by the one event stream. */

import { SvelteMap } from 'svelte/reactivity';
import { Subscription } from '$lib/api/subscription.svelte';
import type { Job, Model, Node, Pull, Status } from '$lib/api/types';
import { figuresOf } from '$lib/mesh/figures';
import { apply, type View } from './view';

class Mesh implements View {
  status = $state.raw<Status | null>(null);
  nodes = new SvelteMap<string, Node>();
  models = new SvelteMap<string, Model>();
  jobs = new SvelteMap<string, Job>();
  providers = $state(0);
  /** Downloads of this computer: those that a page asked for, and what changed since. */
  pulls = new SvelteMap<string, Pull>();
  stream = new Subscription((event) => apply(this, event));

  /** Newest first. */
  jobList = $derived(
    [...this.jobs.values()].sort((a, b) => b.accepted_ms - a.accepted_ms || (a.id < b.id ? 1 : -1)),
  );
  live = $derived(this.jobList.filter((job) => job.ended_ms === null));
  /** Jobs that run anywhere: also those that this page may not see, as their computers count them. */
  working = $derived(
    Math.max(
      this.live.filter((job) => job.state === 'running').length,
      [...this.nodes.values()].reduce((sum, node) => sum + figuresOf(node).busy, 0),
    ),
  );
  modelList = $derived([...this.models.values()].sort((a, b) => a.name.localeCompare(b.name)));
  nodeList = $derived([...this.nodes.values()]);

  /** Whether anything was ever received: before that, pages show the shape of what comes. */
  get known(): boolean {
    return this.status !== null;
  }
}

export const mesh = new Mesh();
