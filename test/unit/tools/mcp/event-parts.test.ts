import { expect, test } from 'vitest';
import { createEventParts } from '../../../../src/tools/mcp/event-parts.ts';
import { MessageMeter } from '../../../../src/tools/mcp/message-size.ts';

/** What is passed on of a stream that arrives in these chunks, with `|` at the end of each event. */
function passedOf(...chunks: (string | Buffer)[]) {
  const partsOf = createEventParts(new MessageMeter());
  let passed = '';
  for (const chunk of chunks) {
    for (const { bytes, endsEvent } of partsOf(Buffer.from(chunk))) {
      passed += Buffer.from(bytes).toString('latin1') + (endsEvent ? '|' : '');
    }
  }
  return Buffer.from(passed, 'latin1').toString();
}

test('lines of data, ids and types are passed on, and no others', () => {
  const lines = [
    'data: {"a":1}',
    'data',
    'data:x',
    ': "comment"',
    'id: 7',
    'event:message',
    'dat: 1',
    'other',
    'datax: 1',
  ];
  expect(passedOf(`${lines.join('\n')}\n\n`)).toBe('data: {"a":1}\ndata\ndata:x\nid: 7\nevent:message\n\n|');
});

test('a stream is read in the same way, however it is cut', () => {
  const text = '\uFEFFdata: é\r\n\r\n: c\rid: 1\rretry: 1000\rdata: b\r\r\n\nevent: e\ndata: c\n\ndata: d';
  const whole = Buffer.from(text);
  const expected = passedOf(whole);
  expect(expected).toBe('data: é\n\n|id: 1\nretry: 1000\ndata: b\n\n|\n|event: e\ndata: c\n\n|data: d');
  for (let cut = 0; cut <= whole.length; cut += 1) {
    expect(passedOf(whole.subarray(0, cut), whole.subarray(cut))).toBe(expected);
  }
  const bytes = [...whole].map((byte) => Buffer.from([byte]));
  expect(passedOf(...bytes)).toBe(expected);
});

test.each([
  '0',
  '499',
  '60001',
  '99999999999',
  '2147483648',
  '-1',
  '1e9',
  '1000 ',
  '',
  '0x500',
  `${'0'.repeat(30)}1000`,
])('B60: a server cannot have itself connected again after "%s" milliseconds', (value) => {
  expect(passedOf(`retry: ${value}\nid: 1\n\n`)).toBe('id: 1\n\n|');
});

test('a server may choose the time until it is connected again, within limits', () => {
  expect(passedOf('retry: 500\nretry:60000\n\n')).toBe('retry: 500\nretry:60000\n\n|');
});

test.each([': "', 'id: "', 'other: "', '"', 'event: "', 'id: {', 'data"', '\uFEFF\uFEFFdata: "'])(
  'B60: the line %s does not hide the members of a message',
  (line) => {
    const meter = new MessageMeter();
    const members = Array.from({ length: 3000 }, (_, index) => `"a${index}":1`);
    const text = `${line}\ndata: {${members.slice(0, 1500).join()},\ndata:${members.slice(1500).join()}}`;
    for (const _ of createEventParts(meter)(Buffer.from(text)));
    expect(meter.problem()).toContain('more than 2000 members in its first 3 levels');
    expect(meter.bytes).toBe(Buffer.byteLength(text));
  },
);
