import { afterEach, expect, test, vi } from 'vitest';
import { createClient } from '../../../client/src/client.ts';
import { RuntapeError } from '../../../client/src/runtape-error.ts';
import * as runToolsFile from '../../../client/src/tools/run-tools.ts';

const network = vi.hoisted(() => ({ isAway: false }));

vi.mock('../../../client/src/load.ts', async (importActual) => {
  const { load } = await importActual<typeof import('../../../client/src/load.ts')>();
  const failure = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'));
  return { load: (loading: Promise<unknown>) => load(network.isAway ? failure() : loading) };
});

const url = 'http://127.0.0.1:1/graphql';
const locate = { description: 'Tells where the user is.', inputSchema: {}, execute: () => 'Oslo' };

afterEach(() => {
  network.isAway = false;
  vi.restoreAllMocks();
});

/** Takes every message. */
function fakeFetch() {
  const inputs: { clientTools?: { name: string }[] }[] = [];
  const fetch = (async (_url: URL, { body }: { body: string }) => {
    inputs.push(JSON.parse(body).variables.input);
    const success = { __typename: 'SendMessageSuccess', session: { id: 'ses_1', key: 'first' }, run: { id: 'run_1' } };
    return new Response(JSON.stringify({ data: { result: success } }));
  }) as unknown as typeof globalThis.fetch;
  return { fetch, inputs };
}

test('B97: a message fails with OFFLINE while what runs the tools cannot be loaded, and the next one loads it', async () => {
  const runTools = vi.spyOn(runToolsFile, 'runTools').mockReturnValue(() => {});
  const { fetch, inputs } = fakeFetch();
  network.isAway = true;
  const client = createClient({ url, fetch, transport: 'sse', tools: { locate } });
  const send = () => client.session('first').send('Where am I?');
  const error = await send().catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(RuntapeError);
  expect(error).toMatchObject({
    code: 'OFFLINE',
    retryable: true,
    message: expect.stringContaining('imported module'),
  });
  // The gateway is told of no tool that nobody runs.
  expect([inputs, runTools.mock.calls.length]).toEqual([[], 0]);
  network.isAway = false;
  await send();
  expect(inputs[0]?.clientTools).toMatchObject([{ name: 'locate' }]);
  await send();
  expect(runTools).toHaveBeenCalledTimes(1);
  await client.close();
});

test('B97: tools that are removed or belong to a closed client are not run', async () => {
  const stop = vi.fn();
  const runTools = vi.spyOn(runToolsFile, 'runTools').mockReturnValue(stop);
  const client = createClient({ url, transport: 'sse' });
  client.addTools({ locate })();
  const kept = { locate };
  client.addTools(kept);
  await vi.waitFor(() => expect(runTools).toHaveBeenCalled());
  expect(runTools.mock.calls.map(([, tools]) => tools)).toEqual([kept]);
  await client.close();
  expect(stop).toHaveBeenCalledTimes(1);
});
