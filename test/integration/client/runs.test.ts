import { expect, onTestFinished, test } from 'vitest';
import { follow } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';
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

test('a message with a file and a schema ends with a result', async () => {
  const { url, client } = await startTestGateway();
  const tape = openClient(url);
  const file = new File(['a text'], 'note.txt', { type: 'text/plain' });
  const schema = { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] };
  const run = await tape.session('first').send('/say {"sum": 3}', { attachments: [file], outputSchema: schema });
  expect(await run.done()).toMatchObject({ result: { sum: 3 } });
  const { body } = await client.post({ query: `{ run(id: "${run.id}") { attachments { name bytes } } }` });
  expect(body.data).toEqual({ run: { attachments: [{ name: 'note.txt', bytes: 6 }] } });

  const attachment = {
    id: expect.stringMatching(/^att_/),
    name: 'note.txt',
    mediaType: 'text/plain',
    bytes: 6,
    url: expect.stringMatching(/^\/attachments\/att_/),
  };
  expect(run.state.get().messages.map(({ attachments }) => attachments)).toEqual([[attachment], []]);
  const { messages } = openClient(url).session('first');
  onTestFinished(messages.subscribe(() => {}));
  await until(() => messages.get().length === 2);
  expect(messages.get().map(({ attachments }) => attachments)).toEqual([[attachment], []]);
});
