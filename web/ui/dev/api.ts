/** Development only: `/api/v1` of the mock mesh. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerConversations } from './conversations.ts';
import { answerHub } from './hub.ts';
import { inspectionOf, recommendedOn } from './inspect.ts';
import { whyOf } from './jobs.ts';
import type { Life } from './life.ts';
import { checksOf, keysOf, recordOf } from './upkeep.ts';
import { historyOf, usageOf } from './usage.ts';

/** Only the query matters. */
const base = 'http://mock';

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const error = { type: 'invalid_request_error', code, param: null, message, request_id: 'mock' };
  json(response, { error }, status);
}

export async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text ? (JSON.parse(text) as Record<string, unknown>) : {};
}

function stream(life: Life, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const stop = life.listen((event) => response.write(`data: ${JSON.stringify(event)}\n\n`));
  request.on('close', stop);
}

export async function answerApi(
  life: Life,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0]?.split('/').slice(3).map(decodeURIComponent) ?? [];
  const [what = '', id = '', verb = ''] = path;
  const body = await bodyOf(request);
  if (what === 'events') return stream(life, request, response);
  if (what === 'status') return json(response, life.world.status);
  if (what === 'nodes') return json(response, { data: life.world.nodes });
  if (what === 'jobs') return jobs(life, id, verb, response);
  if (what === 'recommendations') {
    return json(response, recommendedOn(life.world));
  }
  if (what === 'models' && verb === 'inspect') {
    const url = new URL(request.url ?? '', base);
    return json(response, inspectionOf(life.world, id, url.searchParams));
  }
  if (what === 'models' && verb) {
    life.setModel(String(body.node), id, verb === 'load');
    return json(response, {});
  }
  if (what === 'conversations') return answerConversations(request, id, body, response);
  if (answerHub(request, path, body, (event) => life.emit(event), json, response)) return;
  if (what === 'doctor') return json(response, { checks: checksOf(life.world) });
  if (what === 'usage')
    return json(response, usageOf(life.world, new URL(request.url ?? '', base)));
  if (what === 'history') {
    return json(response, historyOf(life.world, new URL(request.url ?? '', base)));
  }
  if (what === 'audit') return json(response, { data: recordOf(life.world, Date.now()) });
  if (what === 'providers' || what === 'routing') {
    if (await life.outside.answer(request, path, body, response)) life.outsideChanged();
    return;
  }
  if (what === 'keys') return keys(request.method ?? 'GET', body, response);
  if (what === 'invitations') {
    const invitation = { id: 'i1', person: body.person ?? null, role: 'member', uses: body.uses };
    const expires = { used: 0, expires_ms: Date.now() + 86_400_000 };
    const token = `pumasi-${'k7qm2xv9'.repeat(9)}`;
    return json(response, { token, invitation: { ...invitation, ...expires } });
  }
  if (what === 'pairing' && id === 'approve') {
    if (String(body.digits).replace(/\D/g, '') !== '482913') {
      return refuse(response, 403, 'wrong_digits', 'the digits are wrong');
    }
    return json(response, { node: { id: 'c0ffee', name: 'Window desk' }, person: null });
  }
  if (what === 'pairing') {
    const own = { state: 'open', digits: '482913', left_s: 147, wrong: 1 };
    const node = { id: 'c0ffee'.repeat(10), name: 'Window desk' };
    const asker = { node, version: '0.1.0', addresses: ['192.168.1.44:7865'], since_ms: 0 };
    const hasMesh = life.world.status.mesh !== null;
    return json(response, {
      own: hasMesh ? null : own,
      may_approve: hasMesh,
      asking: hasMesh ? [asker] : [],
    });
  }
  if (what === 'join') {
    if (!String(body.token).startsWith('pumasi')) {
      return refuse(response, 400, 'invalid_invitation', 'this is not an invitation');
    }
    return json(response, { mesh: { id: 'c0ffee', name: 'Third floor' }, members: 4 });
  }
  return refuse(response, 404, 'not_found', 'there is nothing at this address');
}

function keys(method: string, body: Record<string, unknown>, response: ServerResponse): void {
  const known = keysOf(Date.now());
  if (method === 'GET') return json(response, { data: known });
  const secret = `pumasi-key-${'k7qm2xv9'.repeat(6)}`;
  return json(response, { secret, key: { ...known[0], name: String(body.name) } });
}

function jobs(life: Life, id: string, verb: string, response: ServerResponse): void {
  const job = life.world.jobs.find((known) => known.id === id);
  if (!job) return refuse(response, 404, 'not_found', 'there is no such job');
  if (verb === 'why') return json(response, whyOf(job, life.world.nodes));
  if (verb === 'cancel') {
    life.end(job, 'cancelled', 0);
    return json(response, {});
  }
  if (verb === 'result') {
    const message = { role: 'assistant', content: 'HELLO NEIGHBOURS' };
    return json(response, { choices: [{ index: 0, message, finish_reason: 'stop' }] });
  }
  return json(response, job);
}
