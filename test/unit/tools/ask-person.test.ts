import { expect, test } from 'vitest';
import { createAskPerson } from '../../../src/tools/ask-person.ts';

test('B96: the schema of a question counts as one of the owner of the session', async () => {
  const parties: (string | undefined)[] = [];
  const tool = createAskPerson({
    forParty: (principal) => {
      parties.push(principal);
      return () => Promise.reject(new Error('the schemas of its author take too long'));
    },
  });
  const input = { prompt: 'Which colour?', schema: { type: 'string' } };
  expect(await tool.prepare(input, 'mallory')).toEqual({
    ok: false,
    error: 'Invalid input: the schema of the answer cannot be used: the schemas of its author take too long',
  });
  expect(parties).toEqual(['mallory']);
});
