import { expect, test } from 'vitest';
import { RuntapeError } from '../../../client/src/runtape-error.ts';
import { runById } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { openClient } from './clients.ts';

const timing = { backOff: () => 5, refresh: 10 };

const locate = (calls: unknown[]) => ({
  description: 'Tells where the user is.',
  inputSchema: { type: 'object', properties: { precise: { type: 'boolean' } } },
  execute(input: unknown) {
    calls.push(input);
    return { city: 'Oslo' };
  },
});

test('B97: a tool of the client is called, and its result reaches the model', async () => {
  const { url } = await startTestGateway();
  const calls: unknown[] = [];
  const client = openClient(url, { timing, tools: { locate: locate(calls) } });
  const run = await client.session('first').send(calling(['locate', { precise: true }]));
  expect((await run.done()).output).toBe('locate: {"city":"Oslo"}');
  expect(calls).toEqual([{ precise: true }]);
  expect(run.state.get()).toMatchObject({
    state: 'DONE',
    waits: [],
    calls: [{ tool: 'locate', state: 'SUCCEEDED', output: { city: 'Oslo' }, waitId: expect.stringMatching(/^ctc_/) }],
  });
});

test('B97: a call that was open when the page was closed is executed by the next one', async () => {
  const { url, client: observer } = await startTestGateway();
  const calls: unknown[] = [];
  const hanging = { ...locate([]), execute: () => new Promise(() => {}) };
  const first = openClient(url, { timing, tools: { locate: hanging } });
  const { id } = await first.session('first').send(calling(['locate', {}]));
  await until(async () => (await runById(observer, id)).state === 'AWAITING_APPROVAL');
  await first.close();
  const second = openClient(url, { timing, tools: { locate: locate(calls) } });
  expect((await second.run(id).done()).output).toBe('locate: {"city":"Oslo"}');
  expect(calls).toEqual([{}]);
});

test('B97: a tool of the client that fails is a result for the model', async () => {
  const { url } = await startTestGateway();
  const failing = {
    ...locate([]),
    execute() {
      throw new Error('No permission.');
    },
  };
  const client = openClient(url, { timing, tools: { locate: failing } });
  const run = await client.session('first').send(calling(['locate', {}]));
  await run.done();
  expect(run.state.get().calls).toMatchObject([{ state: 'FAILED', error: expect.stringContaining('No permission.') }]);
});

test('B96: a question is answered through the client, once', async () => {
  const { url } = await startTestGateway({ file: { askPerson: true } });
  const client = openClient(url, { timing });
  const waits = client.waits();
  waits.subscribe(() => {});
  const run = await client.session('first').send(calling(['ask_person', { prompt: 'Which colour?' }]));
  const wait = await until(() => waits.get().find(({ kind }) => kind === 'QUESTION'));
  expect(wait.data.get()).toMatchObject({ __typename: 'Question', prompt: 'Which colour?', state: 'OPEN' });
  await wait.answer('green');
  await run.done();
  expect(run.state.get()).toMatchObject({ waits: [], calls: [{ tool: 'ask_person', state: 'SUCCEEDED' }] });
  const second = await wait.answer('blue').catch((error: unknown) => error);
  expect(second).toBeInstanceOf(RuntapeError);
  expect(second).toMatchObject({ code: 'SETTLED', wait: { id: wait.id, state: 'SETTLED' } });
});
