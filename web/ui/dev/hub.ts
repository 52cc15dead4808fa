/** Development only: a hub with a few models, downloads that come, and a disk. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Event, HubRepo, Pull, Stock } from '../src/lib/api/types.ts';

type Tell = (event: Event) => void;
const GB = 1_000_000_000;

const repo = (name: string, gated = false): HubRepo => ({
  repo: name,
  commit: 'a'.repeat(40),
  page: `https://huggingface.co/${name}`,
  gated,
  downloads: 184_200,
  likes: 412,
  changed: '2026-03-01T00:00:00.000Z',
  parameters: 4_022_468_096,
  architecture: 'qwen3',
  licence: 'apache-2.0',
  variants: [
    ['Q3_K_L', 2.2, true],
    ['Q4_K_M', 2.5, true],
    ['Q8_0', 4.3, true],
    ['BF16', 8.1, false],
  ].map(([label, size, fits]) => ({
    label: String(label),
    model: `${name}:${label}`,
    files: [`model-${label}.gguf`],
    size_bytes: Number(size) * GB,
    projector: false,
    fits: Boolean(fits),
    disk_fits: true,
    verifiable: true,
    held: label === 'Q3_K_L' ? `${name}:Q3_K_L` : null,
  })),
  odd_files: 0,
});

const found = ['office/starter-GGUF', 'someone/qwen3-4b-GGUF', 'meta/gated-8b-GGUF'];
const pulls = new Map<string, Pull>();
const stored: Stock['models'] = [
  {
    name: 'someone/qwen3-4b-GGUF:Q3_K_L',
    sha256: ['c'.repeat(64)],
    size_bytes: 2.2 * GB,
    origin: null,
    pinned: false,
    added_s: 0,
    used_s: null,
  },
];

function begin(model: string, tell: Tell): Pull {
  const [name = ''] = model.split(':');
  const total_bytes = 2.5 * GB;
  const pull: Pull = {
    id: `p${pulls.size + 1}`,
    model,
    repo: name,
    commit: 'a'.repeat(40),
    sha256: 'b'.repeat(64),
    state: 'downloading',
    total_bytes,
    done_bytes: total_bytes / 3,
    bytes_per_s: 41_000_000,
    left_s: 40,
    sources: [{ name: 'https://huggingface.co', bytes: total_bytes / 3 }],
    asked_ms: Date.now(),
  };
  pulls.set(pull.id, pull);
  tell({ type: 'pull', pull });
  return pull;
}

/** Answers what is the hub's and the store's; whether it did. */
export function answerHub(
  request: IncomingMessage,
  path: string[],
  body: Record<string, unknown>,
  tell: Tell,
  json: (response: ServerResponse, body: unknown, status?: number) => void,
  response: ServerResponse,
): boolean {
  const [what = '', id = '', verb = ''] = path;
  const query = new URL(request.url ?? '', 'http://mock').searchParams;
  if (what === 'hub' && id === 'search') {
    const data = found.map((name) => ({ ...repo(name, name.startsWith('meta/')) }));
    json(response, { data, next: null });
  } else if (what === 'hub' && id === 'repo') {
    const name = query.get('name') ?? '';
    json(response, repo(name, name.startsWith('meta/')));
  } else if (what === 'hub' && id === 'card') {
    json(response, { text: '# A model\n\n<script>alert(1)</script>\n\nWhat its authors wrote.' });
  } else if (what === 'store') {
    if (request.method === 'DELETE') stored.length = 0;
    json(response, {
      models: stored,
      used_bytes: stored.length * 2.2 * GB,
      partial_bytes: 0.8 * GB,
      quota_bytes: null,
      disk_free_bytes: 90 * GB,
      free_bytes: 88 * GB,
      hub: 'https://huggingface.co',
      hub_token: false,
    });
  } else if (what === 'pulls') {
    const pull = pulls.get(id);
    if (pull && verb) {
      const state = verb === 'pause' ? 'paused' : 'downloading';
      const changed: Pull = { ...pull, state };
      pulls.set(id, changed);
      tell({ type: 'pull', pull: changed });
      json(response, changed);
    } else if (pull) {
      pulls.delete(id);
      tell({ type: 'pull_gone', id });
      json(response, {});
    } else if (request.method === 'POST') {
      json(response, begin(String(body.model), tell), 202);
    } else {
      json(response, { data: [...pulls.values()] });
    }
  } else {
    return false;
  }
  return true;
}
