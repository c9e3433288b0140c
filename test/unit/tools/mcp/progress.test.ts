import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { runTool } from '../../../../src/tools/bounded-call.ts';
import type { ProgressReport, Tool } from '../../../../src/tools/tool.ts';
import { createFakeClock } from '../../fake-clock.ts';
import { anyInput, createFakeServer } from './fake-server.ts';

const context = { idempotencyKey: 'key_1', session: { id: 'session_1', owner: 'ada' } };

async function startServer() {
  const fake = createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);
  const clock = createFakeClock();
  const source = fake.createSource('fake', clock);
  onTestFinished(() => source.close());
  source.start();
  while (source.status().state !== 'READY') await setImmediate();
  const [tool] = source.list();
  if (!tool) throw new Error('It has one tool.');
  return { fake, clock, tool };
}

function call(tool: Tool, input = {}, signal = new AbortController().signal) {
  const reports: ProgressReport[] = [];
  const result = tool.execute(input, { ...context, signal, progress: (report) => void reports.push(report) });
  return { reports, result };
}

test.each([false, true])('a report reaches its own call (together with the result: %s)', async (holdsReports) => {
  const { fake, tool } = await startServer();
  fake.holdsReports = holdsReports;
  fake.respond = async ({ arguments: { offset = 0 } = {}, _meta: { progressToken = 'none' } = {} }) => {
    await fake.report({ progressToken, progress: Number(offset) + 1, total: 9, message: 'half' });
    await fake.report({ progressToken, progress: Number(offset) + 2 });
    return { content: [] };
  };
  const calls = [call(tool, { offset: 10 }), call(tool, { offset: 20 })];
  await Promise.all(calls.map(({ result }) => result));
  expect(calls.map(({ reports }) => reports)).toEqual([
    [
      { progress: 11, total: 9, message: 'half' },
      { progress: 12, total: null, message: null },
    ],
    [
      { progress: 21, total: 9, message: 'half' },
      { progress: 22, total: null, message: null },
    ],
  ]);
});

test('a server is asked for reports only if the caller wants them, and always gets the idempotency key', async () => {
  const { fake, tool } = await startServer();
  const seen: unknown[] = [];
  fake.respond = ({ _meta }) => {
    seen.push(_meta);
    return { content: [] };
  };
  await call(tool).result;
  await tool.execute({}, { ...context, signal: new AbortController().signal });
  const key = { 'runtape/idempotencyKey': 'key_1' };
  expect(seen).toEqual([{ ...key, progressToken: expect.any(Number) }, key]);
});

test('reports of a finished or unknown call and invalid reports are ignored', async () => {
  const { fake, tool } = await startServer();
  const tokens: (string | number)[] = [];
  fake.respond = ({ _meta: { progressToken = 'none' } = {} }) => {
    tokens.push(progressToken);
    return { content: [] };
  };
  const finished = call(tool);
  await finished.result;
  for (const progressToken of [...tokens, 77, 'unknown']) await fake.report({ progressToken, progress: 1 });
  await fake.report({ progressToken: 1, progress: 'far' as never });
  await setImmediate();
  expect(finished.reports).toEqual([]);
  await call(tool).result;
});

test('B44: endless reports do not extend the timeout of a call, and later ones are ignored', async () => {
  const { fake, clock, tool } = await startServer();
  let token: string | number = 'none';
  fake.respond = ({ _meta: { progressToken = 'none' } = {} }) => {
    token = progressToken;
    return new Promise(() => {});
  };
  const reports: number[] = [];
  const outcome = runTool(
    tool,
    {},
    { ...context, signal: new AbortController().signal, progress: ({ progress }) => void reports.push(progress) },
    { clock, outputBytes: 1000 },
  );
  for (let second = 0; second < 90; second += 1) {
    await clock.advance(1000);
    await fake.report({ progressToken: token, progress: second });
  }
  await setImmediate();
  expect(await outcome).toMatchObject({
    ok: false,
    error: 'The tool did not finish within 60 seconds and was stopped.',
  });
  expect(reports).toEqual(Array.from({ length: 59 }, (_, index) => index));
});
