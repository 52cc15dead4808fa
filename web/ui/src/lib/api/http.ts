/** Requests to this page's own node. Same origin only; the node knows the page by its cookie. */

import { Fault, faultOf } from './fault';

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let reply: Response;
  try {
    reply = await fetch(path, { ...init, credentials: 'same-origin' });
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown;
    throw new Fault('unreachable', '');
  }
  if (!reply.ok) throw await faultOf(reply);
  return reply;
}

export async function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  const reply = await request(path, signal ? { signal } : {});
  return (await reply.json()) as T;
}

export function post(path: string, body: unknown = {}, signal?: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  return request(path, signal ? { ...init, signal } : init);
}
