import { describe, expect, test } from 'vitest';
import { JsonMeter, measureJson } from '../../../src/json-size.ts';
import { parametersInBody, parametersInUrl } from '../../../src/server/transport/request-parameters.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const failureOf = (work: () => unknown) => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test.each([
  ['{"a":[1,{"b":2}]}', { levels: 3, values: 4, members: 2 }],
  ['"[[[[{{:,"', { levels: 0, values: 0, members: 0 }],
  ['["\\"[[", "\\\\", [[]]]', { levels: 3, values: 5, members: 0 }],
  ['"unclosed \\', { levels: 0, values: 0, members: 0 }],
  ['', { levels: 0, values: 0, members: 0 }],
])('the size of %s is measured without parsing it', (text, size) => {
  expect(measureJson(bytes(text))).toEqual(size);
});

test('the size of a text that arrives in parts is the same, and the members of its first levels are counted', () => {
  const text = bytes('{"a":{"b":{"c\\":\\"":1}},"d":[{"e":"\\\\"},{"f":2}]}');
  for (let cut = 0; cut <= text.length; cut += 1) {
    const meter = new JsonMeter(2);
    meter.add(text, 0, cut);
    meter.add(text, cut);
    expect(meter).toMatchObject({ ...measureJson(text), outerMembers: 3 });
    meter.reset();
    meter.add(bytes('[{"a":{"b":{"c":1}}}]'));
    expect(meter).toMatchObject({ levels: 4, members: 3, outerMembers: 3 });
  }
});

describe('B60: before a body is parsed', () => {
  test.each([
    ['deep brackets', '['.repeat(81), 'bodyLevels'],
    ['deep brackets in an ignored member', `{"query":"{ a }","ignored":${'['.repeat(100_000)}`, 'bodyLevels'],
    ['many values', `[${'0,'.repeat(50_001)}0]`, 'bodyValues'],
    ['many members', `{${'"a":0,'.repeat(5001)}"a":0}`, 'bodyValues'],
  ])('%s are refused', (_name, text, limit) => {
    const error = failureOf(() => parametersInBody(bytes(text)));
    expect(error).toMatchObject({ extensions: { code: 'LIMIT_EXCEEDED', limit, http: { status: 400 } } });
  });

  test('a long text is not', () => {
    const query = '['.repeat(400_000);
    expect(parametersInBody(bytes(JSON.stringify({ query })))).toEqual({ query });
  });
});

test.each([
  ['', 'is not valid JSON'],
  ['{', 'is not valid JSON'],
  ['[{"query":"{ a }"}]', 'Batches'],
  ['null', 'must be a JSON object'],
  ['"{ a }"', 'must be a JSON object'],
])('the body %j is refused with the reason', (text, message) => {
  const error = failureOf(() => parametersInBody(bytes(text)));
  expect(error).toMatchObject({ message: expect.stringContaining(message), extensions: { code: 'BAD_USER_INPUT' } });
  expect((error as { extensions: object }).extensions).not.toHaveProperty('originalError');
});

test('the parameters of a GET request are read from its address', () => {
  const url = `/graphql?${new URLSearchParams({ query: '{ a }', operationName: 'A', variables: '{"b":1}', extensions: '' })}`;
  expect(parametersInUrl(url)).toEqual({ query: '{ a }', operationName: 'A', variables: { b: 1 } });
  expect(parametersInUrl('/graphql')).toEqual({});
});

test.each(['variables', 'extensions'])('invalid JSON in the parameter "%s" is refused with its name', (name) => {
  const error = failureOf(() => parametersInUrl(`/graphql?${name}=x`));
  expect(error).toMatchObject({ message: expect.stringContaining(`The parameter "${name}" is not valid JSON`) });
  const deep = failureOf(() => parametersInUrl(`/graphql?${name}=${'['.repeat(100)}`));
  expect(deep).toMatchObject({ extensions: { limit: 'bodyLevels' } });
});
