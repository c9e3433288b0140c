import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { runTool } from '../../../../src/tools/bounded-call.ts';
import type { ProgressReport, Tool } from '../../../../src/tools/tool.ts';
import { createFakeClock } from '../../fake-clock.ts';
import { anyInput, createFakeServer } from './fake-server.ts';

const context = { idempotencyKey: 'key_1', session: { id: 'session_1', owner: 'ada' } };

async function started() {
  const fake = createFakeServer([[{ name: 'work', inputSchema: anyInput }]]);
  const clock = createFakeClock();
  const subject = fake.subject('fake', clock);
  onTestFinished(() => subject.close());
  subject.start();
  while (subject.status().state !== 'READY') await setImmediate();
  const [tool] = subject.list();
  if (!tool) throw new Error('It has one tool.');
  return { fake, clock, tool };
}

function call(tool: Tool, input = {}, signal = new AbortController().signal) {
  const reports: ProgressReport[] = [];
  const result = tool.execute(input, { ...context, signal, progress: (report) => void reports.push(report) });
  return { reports, result };
}

test.each([false, true])('reports reach their own call; together with the result: %s', async (holdsReports) => {
  const { fake, tool } = await started();
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

test('a server is asked for reports where somebody wants them, and is told the key either way', async () => {
  const { fake, tool } = await started();
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

test('reports of a call that is over, of none, and broken ones go nowhere', async () => {
  const { fake, tool } = await started();
  const tokens: (string | number)[] = [];
  fake.respond = ({ _meta: { progressToken = 'none' } = {} }) => {
    tokens.push(progressToken);
    return { content: [] };
  };
  const over = call(tool);
  await over.result;
  for (const progressToken of [...tokens, 77, 'nobody']) await fake.report({ progressToken, progress: 1 });
  await fake.report({ progressToken: 1, progress: 'far' as never });
  await setImmediate();
  expect(over.reports).toEqual([]);
  await call(tool).result;
});

test('B44: a server that reports without end is stopped at the time-out of its tool, and heard no more', async () => {
  const { fake, clock, tool } = await started();
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
