/** One function per thing that a person can ask of the mesh. */

import { post, read } from './http';
import type { InvitationToken, Joined, Lend, Why } from './types';

const id = encodeURIComponent;

export const why = (job: string, signal?: AbortSignal): Promise<Why> =>
  read(`/api/v1/jobs/${id(job)}/why`, signal);

export const result = (job: string, signal?: AbortSignal): Promise<unknown> =>
  read(`/api/v1/jobs/${id(job)}/result`, signal);

export async function cancel(job: string): Promise<void> {
  await post(`/api/v1/jobs/${id(job)}/cancel`);
}

export async function load(model: string, node: string): Promise<void> {
  await post(`/api/v1/models/${id(model)}/load`, { node });
}

export async function unload(model: string, node: string): Promise<void> {
  await post(`/api/v1/models/${id(model)}/unload`, { node });
}

export async function invite(person: string | null, uses: number): Promise<InvitationToken> {
  const reply = await post('/api/v1/invitations', { person, uses });
  return (await reply.json()) as InvitationToken;
}

export async function join(token: string): Promise<Joined> {
  const reply = await post('/api/v1/join', { token });
  return (await reply.json()) as Joined;
}

/** Tells this computer whether to work for others. The stream says what came of it. */
export async function lend(lend: Lend): Promise<void> {
  await post('/api/v1/lending', { lend });
}
