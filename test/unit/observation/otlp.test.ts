import { expect, test } from 'vitest';
import { traceRequest } from '../../../src/observation/otlp.ts';
import type { Span } from '../../../src/observation/spans.ts';

const source = { serviceName: 'chat "one"', version: '1.2.3' };
const traceId = '0af7651916cd43dd8448eb211c80319c';
const root: Span = {
  traceId,
  spanId: 'b7ad6b7169203331',
  parentSpanId: null,
  name: 'invoke_agent',
  kind: 'internal',
  startedAt: 1_764_271_000_123,
  endedAt: 1_764_271_000_456,
  attributes: {},
  isError: false,
  events: [],
};
const call: Span = {
  ...root,
  spanId: 'b7ad6b7169203332',
  parentSpanId: root.spanId,
  name: 'chat gemma "ü"',
  kind: 'client',
  attributes: { text: 'line\n"quoted" \\ 日本 🎈 \u2028\u007f', whole: 12, part: 0.5, flag: true, list: ['a', 'é'] },
  isError: true,
  events: [{ name: 'runtape.resumption', at: 1_764_271_000_200, attributes: { lost: false } }],
};

test('a request holds the spans as OTLP defines them in JSON', () => {
  const bytes = traceRequest([root, call], source);
  const times = { startTimeUnixNano: '1764271000123000000', endTimeUnixNano: '1764271000456000000' };
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'chat "one"' } },
            { key: 'service.version', value: { stringValue: '1.2.3' } },
          ],
        },
        scopeSpans: [
          {
            scope: { name: 'runtape', version: '1.2.3' },
            spans: [
              {
                traceId,
                spanId: root.spanId,
                name: 'invoke_agent',
                kind: 1,
                ...times,
                attributes: [],
                status: {},
                flags: 257,
              },
              {
                traceId,
                spanId: call.spanId,
                parentSpanId: root.spanId,
                name: 'chat gemma "ü"',
                kind: 3,
                ...times,
                attributes: [
                  { key: 'text', value: { stringValue: call.attributes.text } },
                  { key: 'whole', value: { intValue: 12 } },
                  { key: 'part', value: { doubleValue: 0.5 } },
                  { key: 'flag', value: { boolValue: true } },
                  { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'é' }] } } },
                ],
                events: [
                  {
                    name: 'runtape.resumption',
                    timeUnixNano: '1764271000200000000',
                    attributes: [{ key: 'lost', value: { boolValue: false } }],
                  },
                ],
                status: { code: 2 },
                flags: 257,
              },
            ],
          },
        ],
      },
    ],
  });
});

test('a request is ASCII, so that its text is copied without being encoded', () => {
  expect(traceRequest([call], source).every((byte) => byte >= 0x20 && byte < 0x7f)).toBe(true);
});
