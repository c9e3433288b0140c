import { expect, test } from 'vitest';
import { follow } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { collect, openClient } from './clients.ts';

test.each(['websocket', 'sse'] as const)('a message is sent, followed and answered over %s', async (transport) => {
  const { url, client } = await startTestGateway();
  const tape = openClient(url, { transport });
  const run = await tape.session('first').send('/say one two three\n/usage 3 4');
  const [events, pieces, answer] = await Promise.all([collect(run.events()), collect(run.text()), run.done()]);

  const expected = await follow(client, run.id);
  expect(events.map(({ seq, type, cursor }) => ({ seq, type, cursor }))).toEqual(
    expected.map(({ seq, type, cursor }) => ({ seq, type, cursor })),
  );
  expect(pieces.map(({ text }) => text).join('')).toBe('one two three');
  expect(answer).toMatchObject({ output: 'one two three', usage: { inputTokens: 3, outputTokens: 4 } });
});
