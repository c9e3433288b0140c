import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { PayloadOf } from '../../../src/domain/events.ts';
import {
  CancelRunDocument,
  RetryRunDocument,
  RunTapeDocument,
  SendMessageDocument,
  SessionByKeyDocument,
} from '../../generated/graphql.ts';
import { converse, follow, runById, send, transitionsOf, typesOf } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';

const unpaced = { models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } } };

describe('a run', () => {
  test('B11: a run goes from PENDING to IN_PROGRESS to DONE, with one status event each', async () => {
    const { client } = await startTestGateway();
    const { events, run } = await converse(client, { sessionKey: 'first', text: 'Hello' });
    expect(transitionsOf(events)).toEqual(['null→PENDING', 'PENDING→IN_PROGRESS', 'IN_PROGRESS→DONE']);
    expect(typesOf(events)).toEqual(['INPUT', 'STATUS', 'STATUS', 'CONTEXT', 'OUTPUT_DELTA', 'OUTPUT', 'STATUS']);
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(run).toMatchObject({ state: 'DONE', steps: 1, resumptions: 0, head: 7, error: null });
    expect(run.startedAt && run.endedAt && run.startedAt <= run.endedAt).toBe(true);
  });

  test('a run starts in the transaction of its message if a slot is free, and waits otherwise', async () => {
    const { client, gateway } = await startTestGateway({ environment: { RUNTAPE_MAX_CONCURRENT_RUNS: '1' } });
    const first = await send(client, { sessionKey: 'one', text: '/hang' });
    const second = await send(client, { sessionKey: 'two', text: '/say later' });
    expect([first.run.state, second.run.state]).toEqual(['IN_PROGRESS', 'PENDING']);
    const lease = await gateway.parts.database.reader.lease.findUniqueOrThrow({ where: { runId: first.run.id } });
    expect(lease).toMatchObject({ epoch: 1, lost: false });
    await client.send(CancelRunDocument, { input: { runId: first.run.id } });
    expect(transitionsOf(await follow(client, second.run.id))).toHaveLength(3);
    const again = await client.send(RetryRunDocument, { input: { runId: second.run.id } });
    expect(again.retryRun).toMatchObject({ run: { state: 'IN_PROGRESS' } });
    await until(async () => gateway.parts.orchestrator.activeCount() === 0);
  });

  test('B17: the model sees the messages, answers and tool results of earlier turns', async () => {
    const { client } = await startTestGateway();
    await converse(client, { sessionKey: 'history', text: '/say The first answer.' });
    await converse(client, { sessionKey: 'history', text: '/call clock {}\n/then\n/say The second answer.' });
    const { run } = await converse(client, { sessionKey: 'history', text: '/history' });
    const lines = run.output?.split('\n') ?? [];
    expect(lines[0]).toContain('user: /say The first answer.');
    expect(lines[1]).toContain('assistant: The first answer.');
    expect(lines.filter((line) => line.startsWith('tool: '))).toHaveLength(1);
    expect(lines.at(-2)).toContain('assistant: The second answer.');
    expect(lines.at(-1)).toContain('user: /history');
  });

  test('B20: long output is complete: deltas, output event and run agree', async () => {
    const { client } = await startTestGateway({
      file: { models: { scripted: { provider: 'scripted', paceMilliseconds: 1 } } },
    });
    const { events, run } = await converse(client, { sessionKey: 'long', text: '/words 400' });
    const deltas = events.flatMap((event) => (event.__typename === 'OutputDeltaEvent' ? [event.text] : []));
    const output = events.find((event) => event.__typename === 'OutputEvent');
    expect(deltas.length).toBeGreaterThan(1);
    expect(deltas.join('')).toBe(output?.text);
    expect(run.output).toBe(output?.text);
    expect(run.output?.split(' ')).toHaveLength(400);
  });

  test('an answer larger than its event is stored beside the tape and returned whole', async () => {
    const scripted = { provider: 'scripted', paceMilliseconds: 0, contextTokens: 200_000 };
    const { client } = await startTestGateway({ file: { models: { scripted } } });
    const sent = { sessionKey: 'long', text: '/words 30000' };
    const { events, run, runId } = await converse(client, sent);
    const whole = Array.from({ length: 30_000 }, (_, index) => `word-${index + 1}`).join(' ');
    const output = events.find((event) => event.__typename === 'OutputEvent');
    expect([run.state, run.finishReason, run.output === whole]).toEqual(['DONE', 'stop', true]);
    expect(output?.text === whole).toBe(true);
    const payload = output?.payload as PayloadOf<'output'>;
    expect(whole.startsWith(payload.text)).toBe(true);
    expect(Buffer.byteLength(payload.text)).toBe(192 * 1024 - 2);
    const sha256 = createHash('sha256').update(whole).digest('hex');
    expect(payload.storedText).toMatchObject({ bytes: whole.length, sha256 });

    const { run: paged } = await client.send(RunTapeDocument, { id: runId, first: 100 });
    const found = paged?.tape.nodes.find((event) => event.__typename === 'OutputEvent');
    expect(found?.text === whole).toBe(true);
    const history = await converse(client, { sessionKey: 'long', text: '/history' });
    expect(history.run.output).toContain(`[The answer continues: ${whole.length} bytes in total.]`);
  });

  test('an answer beyond the limit is cut off with the finish reason gateway-limit', async () => {
    const { client } = await startTestGateway({ file: { ...unpaced, limits: { answerBytes: 1000 } } });
    const { events, run } = await converse(client, { sessionKey: 'endless', text: '/words 1000' });
    const output = events.find((event) => event.__typename === 'OutputEvent');
    expect([run.state, run.finishReason, run.output?.length]).toEqual(['DONE', 'gateway-limit', 1000]);
    expect(output).toMatchObject({ finishReason: 'gateway-limit', text: run.output });
  });

  test('thoughts count towards the limit of an answer', async () => {
    const { client } = await startTestGateway({ file: { ...unpaced, limits: { answerBytes: 1000 } } });
    const text = `/think ${'hm '.repeat(2000)}\n/say unreached`;
    const { events, run } = await converse(client, { sessionKey: 'thinking', text });
    const thoughts = events.flatMap((event) => (event.__typename === 'ThoughtEvent' ? [event.text] : []));
    expect([run.state, run.finishReason, run.output]).toEqual(['DONE', 'gateway-limit', '']);
    expect(thoughts.join('')).toHaveLength(1000);
  });

  test('by default an answer has at most 1 MiB', async () => {
    const { client } = await startTestGateway();
    const { run } = await converse(client, { sessionKey: 'endless', text: '/words 100000' });
    expect([run.finishReason, run.output?.length]).toEqual(['gateway-limit', 1024 * 1024]);
  });

  test('B21: a client that disconnects does not affect the run', async () => {
    const { client } = await startTestGateway();
    const { run } = await send(client, { sessionKey: 'left', text: '/pace 5\n/words 40' });
    await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    const ended = await until(async () => {
      const now = await runById(client, run.id);
      return now.state === 'DONE' && now;
    });
    expect(ended.output?.split(' ')).toHaveLength(40);
  });

  test('B22: retryRun creates a new run with the same text', async () => {
    const { client } = await startTestGateway();
    const { runId } = await converse(client, { sessionKey: 'retry', text: '/fail MODEL_UNAVAILABLE retryable' });
    const { retryRun } = await client.send(RetryRunDocument, { input: { runId } });
    if (retryRun.__typename !== 'RetryRunSuccess') throw new Error(retryRun.__typename);
    const events = await follow(client, retryRun.run.id);
    expect(events[0]).toMatchObject({ text: '/fail MODEL_UNAVAILABLE retryable' });
    const again = await client.send(RetryRunDocument, { input: { runId: retryRun.run.id } });
    expect(again.retryRun.__typename).toBe('RetryRunSuccess');
  });

  test('a run whose model failed has the reason and whether a retry may help', async () => {
    const { client } = await startTestGateway();
    const { run, events } = await converse(client, { sessionKey: 'failed', text: '/say Half\n/fail MODEL_AUTH' });
    expect(run).toMatchObject({ state: 'FAILED', output: null, error: { code: 'MODEL_AUTH', retryable: false } });
    expect(typesOf(events).filter((type) => type === 'OUTPUT_DELTA')).toHaveLength(1);
    expect(typesOf(events).at(-1)).toBe('STATUS');
  });

  test('B57: the usage of a run is the sum of its outputs, and marks estimates', async () => {
    const price = { inputPerMillion: 1_000_000, outputPerMillion: 2_000_000 };
    const { client } = await startTestGateway({
      file: { models: { scripted: { provider: 'scripted', paceMilliseconds: 0, price } } },
    });
    const told = await converse(client, {
      sessionKey: 'told',
      text: '/usage 10 5\n/call clock {}\n/then\n/usage 20 7\n/say Done',
    });
    expect(told.run.usage).toMatchObject({
      inputTokens: 30,
      outputTokens: 12,
      totalTokens: 42,
      estimated: false,
      cost: 54,
    });
    const silent = await converse(client, { sessionKey: 'silent', text: '/usage none\n/say Done' });
    expect(silent.run.usage.estimated).toBe(true);
    expect(silent.run.usage.inputTokens).toBeGreaterThan(0);
  });
});

describe('messages to a busy session', () => {
  test('B15: QUEUE runs them in order, one at a time', async () => {
    const { client } = await startTestGateway();
    const runs = [];
    for (const text of ['/pace 2\n/words 20', '/say two', '/say three']) {
      runs.push((await send(client, { sessionKey: 'queue', text })).run.id);
    }
    const ended = await Promise.all(runs.map(async (id) => (await follow(client, id)).at(-1)?.recordedAt ?? ''));
    expect(ended).toEqual([...ended].sort());
    const states = await Promise.all(runs.map((id) => runById(client, id)));
    for (const [index, run] of states.entries()) {
      const before = states[index - 1];
      if (before) expect((run.startedAt ?? '') >= (before.endedAt ?? '')).toBe(true);
    }
  });

  test('B15: REJECT refuses the message and names the active run', async () => {
    const { client } = await startTestGateway();
    const { run } = await send(client, { sessionKey: 'busy', text: '/hang' });
    const input = { sessionKey: 'busy', text: 'Hello', whenBusy: 'REJECT' } as const;
    const { sendMessage } = await client.send(SendMessageDocument, { input });
    expect(sendMessage).toMatchObject({ __typename: 'SessionBusyError', activeRun: { id: run.id } });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
  });

  test('B15: INTERRUPT cancels the active run and runs before the queued ones', async () => {
    const { client } = await startTestGateway();
    const first = await send(client, { sessionKey: 'interrupt', text: '/hang' });
    const waiting = await send(client, { sessionKey: 'interrupt', text: '/say waiting' });
    const urgent = await send(client, { sessionKey: 'interrupt', text: '/say urgent', whenBusy: 'INTERRUPT' });
    await Promise.all([first, waiting, urgent].map(({ run }) => follow(client, run.id)));
    const [cancelled, late, early] = await Promise.all(
      [first, waiting, urgent].map(({ run }) => runById(client, run.id)),
    );
    expect(cancelled).toMatchObject({ state: 'CANCELLED', cancelReason: 'Interrupted by a newer message.' });
    expect(early).toMatchObject({ state: 'DONE', output: 'urgent' });
    expect((late?.startedAt ?? '') >= (early?.endedAt ?? '')).toBe(true);
  });

  test('B15: STEER adds the message once, before the next model call', async () => {
    const { client } = await startTestGateway();
    const text = '/pace 5\n/words 200\n/call clock {}\n/then\n/say unreached';
    const { run } = await send(client, { sessionKey: 'steer', text });
    await follow(client, run.id, { isLast: ({ type }) => type === 'OUTPUT_DELTA' });
    const steered = await send(client, { sessionKey: 'steer', text: '/history', whenBusy: 'STEER' });
    expect(steered).toMatchObject({ created: true, run: { id: run.id } });
    const events = await follow(client, run.id, { after: steered.cursor });
    expect(typesOf(events).at(-1)).toBe('STATUS');
    const { output } = await runById(client, run.id);
    expect(output?.match(/user: \/history/g)).toHaveLength(1);
    expect(output?.trim().split('\n').at(-1)).toContain('/history');
  });

  test('B16: a full queue refuses the message and records nothing', async () => {
    const { client } = await startTestGateway({ file: { limits: { queueLength: 3 } } });
    const { run } = await send(client, { sessionKey: 'full', text: '/hang' });
    await until(async () => (await runById(client, run.id)).state === 'IN_PROGRESS');
    const input = { sessionKey: 'full', text: '/say later' };
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => client.send(SendMessageDocument, { input })));
    const kinds = outcomes.map(({ sendMessage }) => sendMessage.__typename);
    expect(kinds.filter((kind) => kind === 'SendMessageSuccess')).toHaveLength(3);
    expect(kinds.filter((kind) => kind === 'LimitExceededError')).toHaveLength(7);
    const { session } = await client.send(SessionByKeyDocument, { key: 'full' });
    expect(session).toBeTruthy();
    await client.send(CancelRunDocument, { input: { runId: run.id } });
  });
});
