/** Development only: stands in for a node while `npm run dev` has none. `?mock=N` in the address sets
 *  how many computers there are; `?mock=0` is a fresh install, `?mock=down` a node that is not there. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';
import { answerApi } from './api.ts';
import { answerChat } from './chat.ts';
import { Life } from './life.ts';

const lives = new Map<number, Life>();

function lifeOf(request: IncomingMessage): Life | null {
  const page = request.headers.referer;
  const asked = page ? new URL(page).searchParams.get('mock') : null;
  if (asked === 'down') return null;
  const count = Number(asked ?? 3);
  const life = lives.get(count) ?? new Life(count);
  lives.set(count, life);
  return life;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
): Promise<void> {
  const url = request.url ?? '';
  if (!url.startsWith('/api/') && !url.startsWith('/v1/')) return next();
  const life = lifeOf(request);
  if (!life) {
    response.writeHead(503).end();
    return;
  }
  if (url.startsWith('/v1/chat/completions')) await answerChat(life, request, response);
  else await answerApi(life, request, response);
}

export function mockNode(): Plugin {
  return {
    name: 'mock-node',
    configureServer: ({ middlewares }) => {
      middlewares.use((request, response, next) => void handle(request, response, next));
    },
    configurePreviewServer: ({ middlewares }) => {
      middlewares.use((request, response, next) => void handle(request, response, next));
    },
  };
}
