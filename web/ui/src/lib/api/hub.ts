/** What a person can ask of the hub and of this computer's store of models. */

import { post, read, request } from './http';
import type { HubCard, HubPage, HubRepo, Pull, Stock } from './types';

const id = encodeURIComponent;

export type Order = 'downloads' | 'likes' | 'recent' | 'trending';

export function searchHub(q: string, sort: Order, cursor: string | null): Promise<HubPage> {
  const query = new URLSearchParams({ q, sort, ...(cursor && { cursor }) });
  return read(`/api/v1/hub/search?${query}`);
}

export const hubRepo = (name: string): Promise<HubRepo> =>
  read(`/api/v1/hub/repo?name=${id(name)}`);

export const hubCard = (name: string): Promise<HubCard> =>
  read(`/api/v1/hub/card?name=${id(name)}`);

export const pulls = async (): Promise<Pull[]> =>
  (await read<{ data: Pull[] }>('/api/v1/pulls')).data;

export async function pull(model: string): Promise<Pull> {
  const reply = await post('/api/v1/pulls', { model });
  return (await reply.json()) as Pull;
}

export async function pausePull(pull: string): Promise<void> {
  await post(`/api/v1/pulls/${id(pull)}/pause`);
}

export async function resumePull(pull: string): Promise<void> {
  await post(`/api/v1/pulls/${id(pull)}/resume`);
}

export async function giveUpPull(pull: string): Promise<void> {
  await request(`/api/v1/pulls/${id(pull)}`, { method: 'DELETE' });
}

export const stock = (): Promise<Stock> => read('/api/v1/store');

export async function removeStored(model: string): Promise<void> {
  await request(`/api/v1/store/models/${id(model)}`, { method: 'DELETE' });
}

export async function pinStored(model: string, pinned: boolean): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'PATCH', headers, body: JSON.stringify({ pinned }) };
  await request(`/api/v1/store/models/${id(model)}`, init);
}
