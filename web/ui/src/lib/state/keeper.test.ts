import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Conversation, ConversationChange } from '$lib/api/types';
import { Keeper } from './keeper.svelte';
import { Question } from './message.svelte';

/** A node that keeps one conversation, as long as it is up. */
let kept: Conversation | null;
let up: boolean;
let puts: ConversationChange[];

function node(_: string, init: RequestInit): Promise<Response> {
  if (!up) return Promise.reject(new TypeError('no network'));
  if (init.method !== 'PUT') return Promise.resolve(Response.json(kept));
  const change = JSON.parse(String(init.body)) as ConversationChange;
  puts.push(change);
  if (!kept && change.revision !== null) {
    const error = { code: 'conversation_not_found', message: '' };
    return Promise.resolve(Response.json({ error }, { status: 404 }));
  }
  kept = written(kept, change);
  return Promise.resolve(Response.json({ ...kept, messages: kept.messages.length }));
}

function written(before: Conversation | null, change: ConversationChange): Conversation {
  const messages = new Map(before?.messages.map((message) => [message.id, message]));
  for (const message of change.messages) messages.set(message.id, message);
  return {
    id: 'c',
    title: change.title ?? before?.title ?? '',
    created_ms: 1,
    updated_ms: 2,
    revision: (before?.revision ?? 0) + 1,
    settings: change.settings ?? before?.settings ?? { model: '' },
    messages: [...messages.values()],
  };
}

function saying(keeper: Keeper, ...texts: string[]): void {
  for (const text of texts) {
    const question = new Question(text);
    keeper.conversation.all = [...keeper.conversation.all, question];
    keeper.touch(question.id);
  }
}
const contents = (): string[] => kept?.messages.map(({ content }) => content) ?? [];

beforeEach(() => {
  vi.useFakeTimers();
  [kept, up, puts] = [null, true, []];
  vi.stubGlobal('fetch', vi.fn(node));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('what changed within a moment is kept in one request', async () => {
  const keeper = new Keeper('m', () => undefined, 'c');
  saying(keeper, 'one', 'two');
  keeper.conversation.rename('title');
  expect([keeper.state, keeper.owes]).toEqual(['keeping', true]);
  await vi.advanceTimersByTimeAsync(500);
  expect([puts.length, contents(), kept?.title]).toEqual([1, ['one', 'two'], 'title']);
  expect([keeper.state, keeper.owes, keeper.revision]).toEqual(['kept', false, 1]);
});

test('while the node is away it waits and tries again, and loses nothing', async () => {
  const keeper = new Keeper('m', () => undefined, 'c');
  up = false;
  saying(keeper, 'one');
  await vi.advanceTimersByTimeAsync(500);
  expect([keeper.state, keeper.fault?.code]).toEqual(['waiting', 'unreachable']);
  saying(keeper, 'two');
  up = true;
  await vi.advanceTimersByTimeAsync(3_100);
  expect([keeper.state, contents()]).toEqual(['kept', ['one', 'two']]);
});

test('two pages that write to one conversation both find everything, and are told', async () => {
  const [here, there] = [
    new Keeper('m', () => undefined, 'c'),
    new Keeper('m', () => undefined, 'c'),
  ];
  saying(here, 'here');
  await vi.advanceTimersByTimeAsync(500);
  await there.load();
  saying(there, 'there');
  await vi.advanceTimersByTimeAsync(500);
  saying(here, 'here again');
  await vi.advanceTimersByTimeAsync(500);
  expect(contents()).toEqual(['here', 'there', 'here again']);
  expect(here.conversation.all.map(({ content }) => content).sort()).toEqual(contents().sort());
  expect([here.mixed, there.mixed]).toEqual([true, false]);
  await there.changedElsewhere(3);
  expect([there.mixed, there.conversation.all.length]).toEqual([true, 3]);
});

test('a conversation that was deleted elsewhere is not brought back unless a person says so', async () => {
  const keeper = new Keeper('m', () => undefined, 'c');
  saying(keeper, 'one');
  await vi.advanceTimersByTimeAsync(500);
  kept = null;
  saying(keeper, 'two');
  await vi.advanceTimersByTimeAsync(10_000);
  expect([keeper.state, kept]).toEqual(['gone', null]);
  keeper.keepAnyway();
  await vi.advanceTimersByTimeAsync(500);
  expect([keeper.state, contents()]).toEqual(['kept', ['one', 'two']]);
});

test('what is larger than a request goes in several, in order', async () => {
  const keeper = new Keeper('m', () => undefined, 'c');
  const long = 'x'.repeat(400_000);
  saying(keeper, `${long}1`, `${long}2`, `${long}3`);
  await vi.advanceTimersByTimeAsync(3_000);
  expect([puts.length, contents().map((text) => text.at(-1))]).toEqual([3, ['1', '2', '3']]);
});
