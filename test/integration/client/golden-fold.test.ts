import { expect, test } from 'vitest';
import { decideNextApproval } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { goldenConversation } from '../runs/golden-conversation.ts';
import { collect, openClient } from './clients.ts';
import { expectRow } from './compare-fold.ts';

const tools = () => [countedTool(), countedTool({ name: 'ask', risk: 'HIGH' })];

test('B76: the fold of the golden tapes is what the server folds', async () => {
  const { url, client } = await startTestGateway({ tools: tools() });
  const tape = openClient(url);
  for (const text of goldenConversation) {
    const run = await tape.session('golden').send(text);
    if (text.includes('/call ask')) await decideNextApproval(client, run.id, 'ALLOW');
    await run.done().catch((error: { code: string }) => expect(error.code).toBe('MODEL_REFUSED'));
    await expectRow(client, run.state.get());
  }
});

test('the fold of a run that waits, is denied or is cancelled is what the server folds', async () => {
  const { url, client } = await startTestGateway({ tools: tools() });
  const tape = openClient(url);
  const denied = await tape.session('denied').send('/call ask {"word":"two"}\n/then\n/echo');
  await decideNextApproval(client, denied.id, 'DENY');
  await denied.done();
  await expectRow(client, denied.state.get());
  expect(denied.state.get().calls).toMatchObject([{ tool: 'ask', state: 'DENIED' }]);

  const cancelled = await tape.session('cancelled').send('/call ask {"word":"two"}');
  for await (const event of cancelled.events()) if (event.type === 'STATUS' && event.to === 'AWAITING_APPROVAL') break;
  await cancelled.cancel('enough');
  await expect(cancelled.done()).rejects.toMatchObject({ code: 'CANCELLED' });
  await expectRow(client, cancelled.state.get());
  expect(cancelled.state.get().calls).toMatchObject([{ state: 'CANCELLED' }]);
});

test('a steered message, thoughts and failing calls appear in the messages', async () => {
  const { url } = await startTestGateway({ tools: tools() });
  const tape = openClient(url);
  const run = await tape
    .session('first')
    .send('/think Hm.\n/say Working.\n/call count {"word":"x"}\n/call nothing {}\n/then\n/say Done.');
  await run.done();
  const { messages } = run.state.get();
  expect(messages.map(({ role, text, thought }) => [role, text, thought])).toEqual([
    ['USER', expect.stringContaining('/think'), ''],
    ['ASSISTANT', 'Working.', 'Hm.'],
    ['ASSISTANT', 'Done.', ''],
  ]);
  expect(messages[1]?.toolCalls.map(({ tool, state }) => [tool, state])).toEqual([
    ['count', 'SUCCEEDED'],
    ['nothing', 'FAILED'],
  ]);
  const types = new Set((await collect(run.events())).map(({ type }) => type));
  expect(types).toContain('TOOL_RESULT');
});
