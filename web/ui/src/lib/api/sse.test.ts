import { expect, test } from 'vitest';
import { EventLines } from './sse';

const stream =
  ': hello\n\ndata: {"a":1}\r\n\r\nevent: x\ndata:two\ndata: lines\n\ndata\n\ndata: [DONE]\n\n';
const events = ['{"a":1}', 'two\nlines', '', '[DONE]'];

test('reads comments, CRLF, several lines and empty data', () => {
  expect(new EventLines().push(stream)).toEqual(events);
});

test('gives the same events however the text is cut', () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const lines = new EventLines();
    const got = [...lines.push(stream.slice(0, cut)), ...lines.push(stream.slice(cut))];
    expect(got).toEqual(events);
  }
});

test('holds back an event without its empty line', () => {
  expect(new EventLines().push('data: half\n')).toEqual([]);
});
