import { parse, print, stripIgnoredCharacters } from 'graphql';
import { describe, expect, test } from 'vitest';
import { printDocument } from '../../../client/src/print-document.ts';
import { accept } from '../../../client/src/refusals.ts';
import { codeOfRefusal, errorOf, RuntapeError } from '../../../client/src/runtape-error.ts';
import * as documents from '../../generated/graphql.ts';

const texts = Object.entries(documents).flatMap(([name, document]) =>
  name.endsWith('Document') ? [[name, String(document)] as const] : [],
);
const everything = `
  query A($a: [Int!]! = [1, 2], $b: In = {x: "q\\"\\n", y: null, z: [RED, true]} @v) @live(every: 1.5) {
    alias: field(a: $a, b: {c: -1}) @include(if: true) { ... on T @x { id } ...F @y ... @skip(if: false) { b } }
  }
  { anonymous }
  fragment F on T @z { """block""" : a }`.replace('"""block""" : a', 'id');

describe('printing a parsed document', () => {
  test.each([...texts, ['everything', everything] as const])('%s is the same document as before', (_name, text) => {
    const printed = printDocument(parse(text, { noLocation: true }));
    expect(stripIgnoredCharacters(print(parse(printed)))).toBe(stripIgnoredCharacters(print(parse(text))));
  });
});

describe('refusals', () => {
  test.each([
    ['NotFoundError', 'NOT_FOUND'],
    ['SessionBusyError', 'SESSION_BUSY'],
    ['ConflictError', 'CONFLICT'],
    ['InvalidInputError', 'INVALID_INPUT'],
    ['LimitExceededError', 'LIMIT_EXCEEDED'],
    ['ApprovalSettledError', 'SETTLED'],
    ['WaitSettledError', 'SETTLED'],
  ])('%s has the code %s', (typename, code) => expect(codeOfRefusal(typename)).toBe(code));

  test('are thrown with the refusal itself', () => {
    const refusal = { __typename: 'NotFoundError', message: 'There is no run_1.', id: 'run_1' };
    const call = () => accept(refusal as { __typename: 'Success' } | typeof refusal);
    expect(call).toThrow(RuntapeError);
    expect(call).toThrow(expect.objectContaining({ code: 'NOT_FOUND', retryable: false, refusal }));
  });

  test('top-level errors keep their code and the time to wait', () => {
    const limited = errorOf([{ message: 'Slow down', extensions: { code: 'RATE_LIMITED', retryAfter: 2 } }]);
    expect(limited).toMatchObject({ code: 'RATE_LIMITED', retryable: true, retryAfterMilliseconds: 2000 });
  });
});
