// The official `openai` package for Node against a node: what programs written for it rely on.
//
// Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
// node of the mesh holds in PUMASI_MODEL, that node's name in PUMASI_NODE, a provider's model in
// PUMASI_CLOUD, and the folder with the packages in PUMASI_NODE_MODULES.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const { default: OpenAI, NotFoundError, BadRequestError } = createRequire(
  `${process.env.PUMASI_NODE_MODULES}/`,
)('openai');

const { PUMASI_URL, PUMASI_MODEL: OFFICE, PUMASI_NODE, PUMASI_CLOUD: CLOUD } = process.env;
const client = new OpenAI({ baseURL: `${PUMASI_URL}/v1`, apiKey: 'unused', maxRetries: 0, timeout: 120_000 });
const LOOK_UP = {
  type: 'function',
  function: {
    name: 'look_up',
    description: 'Looks up a word.',
    parameters: {
      type: 'object',
      properties: { word: { type: 'string' } },
      required: ['word'],
      additionalProperties: false,
    },
  },
};
const PLACES = [
  { model: OFFICE, asked: 'repeat: one two three', answer: 'one two three', call: 'use look_up: rice' },
  { model: CLOUD, asked: 'one two three', answer: 'You said: one two three', call: 'rice' },
];
const user = (content) => [{ role: 'user', content }];
const chat = (model, content, more = {}) =>
  client.chat.completions.create({ model, messages: user(content), temperature: 0, max_tokens: 100, ...more });

test('models are listed, page by page, and retrieved', async () => {
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  assert.ok(listed.includes(OFFICE) && listed.includes(CLOUD), listed.join());
  assert.equal((await client.models.retrieve(CLOUD)).id, CLOUD);
});

test('a chat is answered with usage', async () => {
  for (const { model, asked, answer } of PLACES) {
    const reply = await chat(model, asked);
    assert.equal(reply.choices[0].message.content, answer);
    assert.equal(reply.choices[0].finish_reason, 'stop');
    assert.ok(reply.usage.total_tokens > reply.usage.completion_tokens);
  }
});

test('headers name the node that answered', async () => {
  const { data, response } = await chat(OFFICE, 'upper: far').withResponse();
  assert.equal(response.headers.get('x-pumasi-node'), PUMASI_NODE);
  assert.equal(data.choices[0].message.content, 'FAR');
});

test('a stream is the same answer in pieces', async () => {
  for (const { model, asked, answer } of PLACES) {
    const stream = await chat(model, asked, { stream: true, stream_options: { include_usage: true } });
    let [text, usage, ends] = ['', undefined, []];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (chunk.choices[0]?.finish_reason) ends.push(chunk.choices[0].finish_reason);
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, answer);
    assert.deepEqual(ends, ['stop']);
    assert.ok(usage.completion_tokens > 0);
  }
});

test('the streaming helper accumulates', async () => {
  for (const { model, asked, answer } of PLACES) {
    const stream = client.chat.completions.stream({ model, messages: user(asked), temperature: 0 });
    let text = '';
    stream.on('content', (delta) => (text += delta));
    assert.equal((await stream.finalChatCompletion()).choices[0].message.content, answer);
    assert.equal(text, answer);
  }
});

test('a stream that is aborted frees the slot', async () => {
  for (let round = 0; round < 6; round += 1) {
    const stream = await chat(OFFICE, `repeat: ${'go on '.repeat(20)}`, { stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
  }
  assert.equal((await chat(OFFICE, 'upper: free')).choices[0].message.content, 'FREE');
});

test('a tool is called, whole and streamed, and its answer taken', async () => {
  const tool_choice = { type: 'function', function: { name: 'look_up' } };
  for (const { model, call } of PLACES) {
    const { message } = (await chat(model, call, { tools: [LOOK_UP], tool_choice })).choices[0];
    const [made] = message.tool_calls;
    assert.equal(made.function.name, 'look_up');
    assert.deepEqual(Object.keys(JSON.parse(made.function.arguments)), ['word']);
    const messages = [...user(call), message, { role: 'tool', tool_call_id: made.id, content: 'a grain' }];
    const after = await client.chat.completions.create({ model, messages, tools: [LOOK_UP], temperature: 0 });
    assert.ok(after.choices[0].message.content || after.choices[0].message.tool_calls);

    const stream = client.chat.completions.stream({
      model, messages: user(call), tools: [LOOK_UP], tool_choice, temperature: 0,
    });
    const streamed = (await stream.finalChatCompletion()).choices[0];
    assert.equal(streamed.message.tool_calls[0].function.arguments, made.function.arguments);
  }
});

test('the tool runner runs tools until there is an answer', async () => {
  const called = [];
  const runner = client.chat.completions.runTools({
    model: CLOUD,
    messages: user('rice'),
    tools: [
      {
        type: 'function',
        function: {
          name: 'look_up',
          description: 'Looks up a word.',
          parameters: LOOK_UP.function.parameters,
          parse: JSON.parse,
          function: ({ word }) => {
            called.push(word);
            return 'a grain';
          },
        },
      },
    ],
  });
  assert.equal(await runner.finalContent(), 'The tool said: a grain');
  assert.deepEqual(called, ['rice']);
});

test('responses are answered whole and streamed', async () => {
  for (const { model, asked, answer } of PLACES) {
    const reply = await client.responses.create({ model, input: asked, temperature: 0 });
    assert.equal(reply.output_text, answer);
    const stream = await client.responses.create({ model, input: asked, temperature: 0, stream: true });
    let text = '';
    for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
    assert.equal(text, answer);
  }
});

test('embeddings come in the encoding that the client asks for by itself', async () => {
  const { data } = await client.embeddings.create({ model: OFFICE, input: ['rice', 'barley'] });
  assert.equal(data.length, 2);
  assert.ok(Math.abs(Math.hypot(...data[0].embedding) - 1) < 0.001);
});

test('errors are the classes that programs catch', async () => {
  await assert.rejects(chat('never-was', 'x'), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.code, 'model_not_found');
    return true;
  });
  await assert.rejects(chat(OFFICE, 'x', { temperature: 9 }), (error) => {
    assert.ok(error instanceof BadRequestError);
    assert.match(error.param, /temperature/);
    return true;
  });
});
