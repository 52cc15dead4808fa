/** The model that the next question goes to: what the address says, else what suits best now. */

import type { Model } from '$lib/api/types';
import { address } from '$lib/router/address.svelte';
import { mesh } from '$lib/state/mesh.svelte';
import { suggested } from '$lib/state/outlook';

class Chosen {
  readonly model: Model | undefined = $derived.by(() => {
    const named = mesh.models.get(address.query.get('model') ?? '');
    return named ?? suggested([...mesh.models.values()]);
  });
}

export const chosen = new Chosen();
