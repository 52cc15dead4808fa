import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Conversation } from './conversation.svelte';
import type { Answer } from './message.svelte';

let write: (chunk: unknown) => void;
let end: () => void;
let asked: { model: string; messages: unknown[] }[];

/** A node that answers what the test writes, for as long as nobody hangs up. */
function answering(_: string, init: RequestInit): Promise<Response> {
  asked.push(JSON.parse(String(init.body)) as (typeof asked)[number]);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      write = (chunk) => controller.enqueue(encoder.encode(`data: ${JSON.stringify(chunk)}\n\n`));
      end = () => controller.close();
      init.signal?.addEventListener('abort', () => {
        controller.error(new DOMException('', 'AbortError'));
      });
    },
  });
  const headers = { 'x-pumasi-job': 'j1', 'x-pumasi-node': '%EC%B0%BD', 'x-pumasi-node-id': 'n1' };
  return Promise.resolve(new Response(body, { headers }));
}

const delta = (content: string, finish: string | null = null): unknown => ({
  choices: [{ index: 0, delta: { content }, finish_reason: finish }],
});
const last = (talk: Conversation): Answer => talk.messages.at(-1) as Answer;

beforeEach(() => {
  asked = [];
  vi.stubGlobal('fetch', vi.fn(answering));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

test('an answer streams in, with where it came from and what it took', async () => {
  const talk = new Conversation('starter');
  talk.ask('upper: hi');
  await vi.waitUntil(() => last(talk).origin);
  const origin = { job: 'j1', node: '창', nodeId: 'n1', provider: null, why: null };
  expect(last(talk).origin).toEqual(origin);
  write({ choices: [{ index: 0, delta: { reasoning_content: 'hm' }, finish_reason: null }] });
  write(delta('H'));
  write(delta('I', 'stop'));
  write({ choices: [], pumasi: { timings: { decode_ms: 20 } } });
  write({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } });
  end();
  await vi.waitUntil(() => last(talk).over);
  const { content, thinking, progress, tokens, rate } = last(talk);
  expect({ content, thinking, progress, tokens, rate }).toEqual({
    content: 'HI',
    thinking: 'hm',
    progress: 'done',
    tokens: 2,
    rate: 100,
  });
});

test('stopping hangs up and keeps what was written', async () => {
  const talk = new Conversation('starter');
  talk.ask('count');
  await vi.waitUntil(() => last(talk).origin);
  write(delta('one'));
  await vi.waitUntil(() => last(talk).content);
  talk.stop();
  await vi.waitUntil(() => last(talk).over);
  expect([last(talk).progress, last(talk).content]).toEqual(['stopped', 'one']);
});

test('a stream that ends without a finish is a broken answer', async () => {
  const talk = new Conversation('starter');
  talk.ask('count');
  await vi.waitUntil(() => last(talk).origin);
  write(delta('one'));
  end();
  await vi.waitUntil(() => last(talk).over);
  expect([last(talk).progress, last(talk).fault?.code]).toEqual(['failed', 'broken_stream']);
});

test('an error in the stream and an error instead of one are explained by their codes', async () => {
  const talk = new Conversation('starter');
  talk.ask('count');
  await vi.waitUntil(() => last(talk).origin);
  write({ error: { code: 'engine_crash', message: 'the engine crashed' } });
  await vi.waitUntil(() => last(talk).over);
  expect(last(talk).fault?.code).toBe('engine_crash');

  const body = JSON.stringify({ error: { code: 'model_not_found', message: 'no such model' } });
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status: 404 })));
  talk.again();
  await vi.waitUntil(() => last(talk).over);
  expect([last(talk).fault?.code, last(talk).fault?.status]).toEqual(['model_not_found', 404]);
});

test('asking again replaces the answer, asking on tells the model what was said', async () => {
  const talk = new Conversation('starter');
  talk.ask('one');
  await vi.waitUntil(() => last(talk).origin);
  write(delta('first', 'stop'));
  end();
  await vi.waitUntil(() => last(talk).over);
  talk.again();
  await vi.waitUntil(() => last(talk).origin);
  write(delta('second', 'stop'));
  end();
  await vi.waitUntil(() => last(talk).over);
  expect(talk.messages.map(({ content }) => content)).toEqual(['one', 'second']);
  talk.ask('two');
  await vi.waitUntil(() => last(talk).origin);
  expect(asked[2]?.messages).toEqual([
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'second' },
    { role: 'user', content: 'two' },
  ]);
  talk.stop();
});

test('an edited question is a new branch, and the old one can be shown again', async () => {
  const talk = new Conversation('starter');
  const answered = async (text: string): Promise<void> => {
    await vi.waitUntil(() => last(talk).origin);
    write(delta(text, 'stop'));
    end();
    await vi.waitUntil(() => !talk.writing);
  };
  const shown = (): string[] => talk.messages.map(({ content }) => content);
  talk.ask('one');
  await answered('first');
  talk.ask('two');
  await answered('second');
  const [question] = talk.messages;
  if (question?.role !== 'user') throw new Error('the first message is a question');
  talk.edit(question, 'uno');
  await answered('primo');
  expect(shown()).toEqual(['uno', 'primo']);
  expect(talk.versions(question).map(({ content }) => content)).toEqual(['one', 'uno']);
  talk.show(question);
  expect(shown()).toEqual(['one', 'first', 'two', 'second']);
  expect(talk.title).toBe('one');
});

test('an answer that was stopped goes on where it ended', async () => {
  const talk = new Conversation('starter');
  talk.ask('count');
  await vi.waitUntil(() => last(talk).origin);
  write(delta('one, '));
  await vi.waitUntil(() => last(talk).content);
  talk.stop();
  await vi.waitUntil(() => last(talk).over);
  talk.resume(last(talk));
  await vi.waitUntil(() => asked.length === 2);
  write(delta('two', 'stop'));
  end();
  await vi.waitUntil(() => last(talk).over);
  expect(last(talk).content).toBe('one, two');
  expect(asked[1]?.messages.at(-1)).toEqual({ role: 'assistant', content: 'one, ' });
});

test('several models answer one question, and the first is gone on with', async () => {
  const talk = new Conversation('a');
  talk.ask('which?', [], ['a', 'b']);
  await vi.waitUntil(() => asked.length === 2);
  expect(asked.map(({ model }) => model)).toEqual(['a', 'b']);
  expect(talk.versions(last(talk)).map((one) => 'model' in one && one.model)).toEqual(['a', 'b']);
  expect(last(talk).model).toBe('a');
  talk.stop();
  await vi.waitUntil(() => !talk.writing);
});

test('what is kept of a conversation is what it was', async () => {
  const talk = new Conversation('starter');
  talk.system = 'Be brief.';
  talk.temperature = 0;
  talk.effort = 'auto';
  talk.ask('one', [{ name: 'a.txt', text: 'held' }]);
  await vi.waitUntil(() => last(talk).origin);
  expect(asked[0]).toMatchObject({ temperature: 0, reasoning_effort: 'auto' });
  expect(asked[0]?.messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
  write({ choices: [{ index: 0, delta: { reasoning_content: 'hm' }, finish_reason: null }] });
  write(delta('first', 'length'));
  write({ choices: [], pumasi: { timings: { decode_ms: 20 }, thinking_budget: 512 } });
  write({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } });
  end();
  await vi.waitUntil(() => !talk.writing);
  const saved = talk.all.map((message) => message.saved());
  const settings = talk.settings();
  const copy = new Conversation('');
  const times = { created_ms: 1, updated_ms: 1, revision: 1 };
  const kept = { id: 'c', title: talk.title, ...times, settings, messages: saved };
  copy.merge(kept, () => false);
  expect(copy.all.map((message) => message.saved())).toEqual(saved);
  expect(copy.settings()).toEqual(settings);
  expect(saved[1]?.facts).toMatchObject({ end: 'length', tokens: 2, budget: 512, job: 'j1' });
  expect(saved[1]?.facts?.tokens_per_s).toBe(100);
});
