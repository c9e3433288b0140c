import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEventStream, type ServerSentEvent } from '../../../client/src/connection/event-stream.ts';

function readAll(chunks: readonly string[]): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const read = readEventStream((event) => events.push(event));
  for (const chunk of chunks) read(chunk);
  return events;
}

test.each(['\n', '\r\n', '\r'])('events are read with lines that end in %j', (end) => {
  const lines = [
    'retry: 1000',
    ':',
    '',
    'id: c1',
    'event: next',
    'data: {"a":1}',
    '',
    'data:x',
    'data: y: z',
    '',
    'event: complete',
    'data',
    '',
    '',
  ];
  expect(readAll([`${lines.join(end)}\n`])).toEqual([
    { event: 'next', data: '{"a":1}' },
    { event: 'message', data: 'x\ny: z' },
    { event: 'complete', data: '' },
  ]);
});

test('where a stream is cut into pieces makes no difference', () => {
  const text = ': ping\r\n\r\nevent: next\r\ndata: {"text":"é"}\r\n\r\nevent: next\ndata: 2\n\n';
  const whole = readAll([text]);
  expect(whole).toHaveLength(2);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
      expect(readAll(pieces)).toEqual(whole);
    }),
  );
});
