/** Whether a version of a model can be had and used here, and if not, the first reason. Pure. */

import type { HubVariant } from '$lib/api/types';

export type Verdict = 'fits' | 'tight' | 'noDisk' | 'noHash' | 'projector' | 'split';

export function verdictOf(variant: HubVariant): Verdict {
  if (!variant.verifiable) return 'noHash';
  if (variant.projector) return 'projector';
  if (variant.files.length > 1) return 'split';
  if (!variant.disk_fits) return 'noDisk';
  return variant.fits ? 'fits' : 'tight';
}
