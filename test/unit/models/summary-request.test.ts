import { expect, it } from 'vitest';
import { summaryRequest, summaryWordLimit } from '../../../src/models/summary-request.ts';

it('a request for a summary has the transcript, and as many words as fit', () => {
  const request = summaryRequest('Ada: Hello', 100);
  expect(request).toEqual({
    instructions: expect.stringMatching(/^You summarise the older part .*Write at most 70 words\.$/s),
    messages: [{ role: 'user', text: 'Ada: Hello' }],
    tools: [],
  });
  expect(summaryWordLimit(request)).toBe(70);
  expect(summaryWordLimit(summaryRequest('', 5))).toBe(20);
});

it('other requests are none for a summary', () => {
  expect(summaryWordLimit({ instructions: 'Write at most 5 words.', messages: [], tools: [] })).toBeNull();
  const { instructions } = summaryRequest('', 100);
  expect(summaryWordLimit({ instructions: `Be kind. ${instructions}`, messages: [], tools: [] })).toBeNull();
});
