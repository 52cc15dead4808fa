/** One function per thing that a person can ask of the mesh. */

import { post, read, request } from './http';
import type {
  Approved,
  AuditEntry,
  Doctor,
  History,
  Inspection,
  Invitation,
  InvitationToken,
  Joined,
  Key,
  KeyChange,
  KeyRequest,
  Language,
  Lend,
  NewKey,
  Pairing,
  Provider,
  ProviderRequest,
  Providers,
  Recommendations,
  Routing,
  RoutingChange,
  ShareRequest,
  Usage,
  UsageBy,
  Why,
} from './types';

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

/** Which well-known models suit the computers here, with reasons in this language. */
export const recommendations = (
  language: Language,
  signal?: AbortSignal,
): Promise<Recommendations> => read(`/api/v1/recommendations?language=${language}`, signal);

export interface Planned {
  context?: string;
  slots?: string;
  cache?: string;
}

/** What a model is, part by part, with explanations in this language. */
export function inspect(
  model: string,
  language: Language,
  planned: Planned,
  signal?: AbortSignal,
): Promise<Inspection> {
  const given = Object.entries(planned).filter(([, value]) => value);
  const query = new URLSearchParams([['language', language], ...given] as [string, string][]);
  return read(`/api/v1/models/${id(model)}/inspect?${query.toString()}`, signal);
}

export async function invite(
  person: string | null,
  uses: number,
  valid_s: number,
): Promise<InvitationToken> {
  const reply = await post('/api/v1/invitations', { person, uses, valid_s });
  return (await reply.json()) as InvitationToken;
}

/** Those of this computer that are open. */
export const invitations = async (): Promise<Invitation[]> =>
  (await read<{ data: Invitation[] }>('/api/v1/invitations')).data;

/** Nobody is let in with it any more. */
export async function withdraw(invitation: string): Promise<void> {
  await request(`/api/v1/invitations/${id(invitation)}`, { method: 'DELETE' });
}

export async function join(token: string): Promise<Joined> {
  const reply = await post('/api/v1/join', { token });
  return (await reply.json()) as Joined;
}

/** How this computer stands at the door of a mesh, and who stands at its own. */
export const doors = (): Promise<Pairing> => read('/api/v1/pairing');

/** The same; a person looks at the digits that let this computer in, which opens its door. */
export async function askIn(again: boolean): Promise<Pairing> {
  const reply = await post('/api/v1/pairing', { again });
  return (await reply.json()) as Pairing;
}

export interface Approval {
  digits: string;
  node?: string;
  address?: string;
  person: string | null;
}

/** Lets in a computer that shows these digits. */
export async function approve(approval: Approval): Promise<Approved> {
  const reply = await post('/api/v1/pairing/approve', approval);
  return (await reply.json()) as Approved;
}

/** Starts a mesh with this computer as its first. */
export async function found(name: string | null): Promise<Joined> {
  const reply = await post('/api/v1/mesh', { name });
  return (await reply.json()) as Joined;
}

/** Tells this computer whether to work for others. The stream says what came of it. */
export async function lend(lend: Lend): Promise<void> {
  await post('/api/v1/lending', { lend });
}

/** Looks at everything that could keep computers apart; takes seconds. */
export const checkUp = (signal?: AbortSignal): Promise<Doctor> => read('/api/v1/doctor', signal);

export async function keys(): Promise<Key[]> {
  return (await read<{ data: Key[] }>('/api/v1/keys')).data;
}

export async function makeKey(wanted: Partial<KeyRequest> & { name: string }): Promise<NewKey> {
  const reply = await post('/api/v1/keys', wanted);
  return (await reply.json()) as NewKey;
}

export async function revokeKey(key: string): Promise<void> {
  await request(`/api/v1/keys/${id(key)}`, { method: 'DELETE' });
}

/** What is not named stays; zero takes a limit away. */
export async function changeKey(key: string, change: Partial<KeyChange>): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'PATCH', headers, body: JSON.stringify(change) };
  await request(`/api/v1/keys/${id(key)}`, init);
}

/** The address of what was used since a day, told apart by one thing. */
export function usageAt(by: UsageBy, from: string, more: Record<string, string> = {}): string {
  return `/api/v1/usage?${new URLSearchParams({ by, from, ...more })}`;
}

export const usage = (by: UsageBy, from: string): Promise<Usage> => read(usageAt(by, from));

/** How it went, by the minute or by the hour. */
export const history = (from: number, to: number, step: 'minute' | 'hour'): Promise<History> =>
  read(`/api/v1/history?from_ms=${from}&to_ms=${to}&step=${step}`);

/** The address of the record, as far as it is asked for. */
export function recordAt(person: string, more: Record<string, string>): string {
  const query = new URLSearchParams({ ...(person && { person }), ...more });
  return `/api/v1/audit?${query}`;
}

export async function record(person: string, limit: number): Promise<AuditEntry[]> {
  return (await read<{ data: AuditEntry[] }>(recordAt(person, { limit: String(limit) }))).data;
}

/** Model services elsewhere, what can be set up, and how requests are routed. */
export const providers = (): Promise<Providers> => read('/api/v1/providers');

/** Sets one up, or changes the one of this id. */
export async function setUpProvider(
  wanted: Partial<ProviderRequest> & { kind: string },
): Promise<Provider> {
  const reply = await post('/api/v1/providers', wanted);
  return (await reply.json()) as Provider;
}

/** Asks it what it has, now. */
export async function checkProvider(provider: string): Promise<Provider> {
  const reply = await post(`/api/v1/providers/${id(provider)}/check`);
  return (await reply.json()) as Provider;
}

/** Says who else may ask it through this computer; what is missing stays as it is. */
export async function shareProvider(
  provider: string,
  wanted: Partial<ShareRequest>,
): Promise<Provider> {
  const reply = await post(`/api/v1/providers/${id(provider)}/share`, wanted);
  return (await reply.json()) as Provider;
}

/** Its key goes with it. */
export async function removeProvider(provider: string): Promise<void> {
  await request(`/api/v1/providers/${id(provider)}`, { method: 'DELETE' });
}

/** What is missing in the change stays as it is. */
export async function route(change: Partial<RoutingChange>): Promise<Routing> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'PATCH', headers, body: JSON.stringify(change) };
  return (await (await request('/api/v1/routing', init)).json()) as Routing;
}
