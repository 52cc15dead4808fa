/** Development only: `POST /v1/chat/completions` of the mock mesh, streamed at a readable pace. */

import { setTimeout as pause } from 'node:timers/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { replyTo } from './answers.ts';
import { bodyOf } from './api.ts';
import type { Life } from './life.ts';

const TOKEN_MS = 12;

export async function answerChat(
  life: Life,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await bodyOf(request);
  const messages = body.messages as { content: string }[];
  const { thinking, text, fault } = replyTo(messages.at(-1)?.content ?? '');
  const begun = life.begin(String(body.model));
  if (!begun) {
    const error = { code: 'model_not_found', message: 'no computer of the mesh has the model' };
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error }));
    return;
  }
  await pause(500);
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'x-pumasi-job': begun.job.id,
    ...(begun.node && {
      'x-pumasi-node': encodeURIComponent(begun.node.name),
      'x-pumasi-node-id': begun.node.id,
    }),
    ...(begun.job.provider && { 'x-pumasi-provider': begun.job.provider }),
    'x-pumasi-why': encodeURIComponent(begun.job.why ?? ''),
  });
  const send = (chunk: unknown): boolean => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  const say = (delta: unknown, finish: string | null = null): boolean =>
    send({ choices: [{ index: 0, delta, finish_reason: finish }] });
  const tokens = text.match(/[\s\S]{1,4}/g) ?? [];
  const many = tokens.length > 2_000 ? 40 : 1;
  for (const word of thinking.match(/\S+\s*/g) ?? []) {
    say({ reasoning_content: word });
    await pause(60);
  }
  for (let index = 0; index < tokens.length && !request.socket.destroyed; index += many) {
    say({ content: tokens.slice(index, index + many).join('') });
    await pause(TOKEN_MS);
  }
  const gone = request.socket.destroyed;
  if (fault) send({ error: { code: fault, message: 'the engine crashed; it is being restarted' } });
  else say({}, 'stop');
  send({ choices: [], usage: { prompt_tokens: 12, completion_tokens: tokens.length } });
  response.end('data: [DONE]\n\n');
  life.end(begun.job, gone ? 'cancelled' : fault ? 'failed' : 'completed', tokens.length);
}
