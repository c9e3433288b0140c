import { describe, expect, test, vi } from 'vitest';
import type { PayloadOf } from '../../../src/domain/events.ts';
import type { CatalogueEntry } from '../../../src/models/catalogue.ts';
import { ModelError } from '../../../src/models/model.ts';
import { summaryWordLimit } from '../../../src/models/summary-request.ts';
import {
  CancelRunDocument,
  CompactSessionDocument,
  NodeByIdDocument,
  PurgeSessionDocument,
  RunTapeDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, runById, send } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { overridingCatalogue } from './overriding-catalogue.ts';
import { branch, compact, compactions, contextOf } from './session-operations.ts';

type Client = TestGateway['client'];

const long = (text: string) => `${text} ${'and so on '.repeat(30)}`;

/** Sends a number of turns of about 180 tokens each. Returns the session and its runs. */
async function talk(client: Client, sessionKey: string, turns: number, first = 1) {
  const runIds: string[] = [];
  let sessionId = '';
  for (let turn = first; turn < first + turns; turn += 1) {
    const sent = await send(client, { sessionKey, text: `/say ${long(`answer ${turn}`)}` });
    await follow(client, sent.run.id);
    sessionId = sent.session.id;
    runIds.push(sent.run.id);
  }
  return { sessionId, runIds };
}

const small = {
  file: { models: { scripted: { provider: 'scripted', paceMilliseconds: 0, contextTokens: 2000 } } },
  tools: [],
};

describe('B54: a compaction', () => {
  test('that a client requests has a range and counts, and its summary replaces everything before the last turns', async () => {
    const { client } = await startTestGateway({ tools: [] });
    const { sessionId, runIds } = await talk(client, 'hand', 6);
    const tapes = () => Promise.all(runIds.map((id) => client.send(RunTapeDocument, { id })));
    const before = await tapes();
    const full = (await contextOf(client, (await converse(client, { sessionId, text: '/say x' })).runId)).contextAt;
    const preview = await compact(client, sessionId, true);
    expect([preview.stored, await compactions(client, sessionId)]).toEqual([false, []]);
    const { artifact, stored } = await compact(client, sessionId);
    expect(stored).toBe(true);
    // The last two turns are the sixth and seventh.
    expect(artifact).toMatchObject({ trigger: 'MANUAL', run: null, from: { runId: runIds[0], seq: 1 } });
    expect(artifact?.to).toEqual({ runId: runIds[4], seq: 7 });
    expect(artifact?.eventCount).toBe(35);
    expect(artifact?.tokensAfter).toBeLessThan(artifact?.tokensBefore ?? 0);
    expect(await compactions(client, sessionId)).toEqual([artifact]);
    const { node } = await client.send(NodeByIdDocument, { id: artifact?.id ?? '' });
    expect(node).toMatchObject({ __typename: 'CompactionArtifact', id: artifact?.id });
    const next = await converse(client, { sessionId, text: '/say y' });
    const { contextAt } = await contextOf(client, next.runId);
    expect(contextAt).toMatchObject({ compaction: { id: artifact?.id }, isExact: true });
    expect(contextAt.instructions).toContain(artifact?.summary);
    expect(JSON.stringify(contextAt).length).toBeLessThan(JSON.stringify(full).length);
    expect(contextAt.messages[0]).toMatchObject({ role: 'USER', runId: runIds[5] });
    expect(await tapes()).toEqual(before);
  });

  test('is refused while a run is in progress, and a session with nothing to summarise says so', async () => {
    const { client } = await startTestGateway();
    const { run, session } = await send(client, { sessionKey: 'busy', text: '/hang' });
    await until(async () => (await runById(client, run.id)).state === 'IN_PROGRESS');
    const input = { sessionId: session.id };
    const { compactSession } = await client.send(CompactSessionDocument, { input });
    expect(compactSession).toMatchObject({ __typename: 'SessionBusyError', activeRun: { id: run.id } });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    expect(await compact(client, session.id)).toMatchObject({
      artifact: null,
      stored: false,
      reason: expect.any(String),
    });
  });

  test('of a session that is purged while it is made is not stored, and the session is not found', async () => {
    const { client, gateway } = await startTestGateway({ tools: [] });
    const { sessionId } = await talk(client, 'gone', 6);
    const { compactor } = gateway.parts.commands;
    const propose = compactor.propose.bind(compactor);
    vi.spyOn(compactor, 'propose').mockImplementation(async (...given) => {
      const proposed = await propose(...given);
      await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey: 'gone' } });
      return proposed;
    });
    const { compactSession } = await client.send(CompactSessionDocument, { input: { sessionId } });
    expect(compactSession).toMatchObject({ __typename: 'NotFoundError', id: sessionId });
    expect(await gateway.parts.database.reader.compactionArtifact.count()).toBe(0);
  });

  test('is made when history exceeds three quarters of the window, is on the tape, and extends the previous one', async () => {
    const { client } = await startTestGateway(small);
    const { sessionId } = await talk(client, 'auto', 24);
    const [first, second] = (await compactions(client, sessionId)).toReversed();
    expect(first).toMatchObject({ trigger: 'THRESHOLD', previous: null });
    expect(second?.previous).toEqual({ id: first?.id });
    expect(second?.eventCount).toBeGreaterThan(first?.eventCount ?? 0);
    const { run } = await client.send(RunTapeDocument, { id: first?.run?.id ?? '' });
    const event = run?.tape.nodes.find(({ type }) => type === 'COMPACTION');
    expect(event?.payload).toMatchObject({ artifactId: first?.id, usage: { estimated: false } });
    // B57: the usage of the run is that of its outputs.
    const outputs = run?.tape.nodes.flatMap((each) =>
      each.type === 'OUTPUT' ? [each.payload as { usage: { input: number } }] : [],
    );
    expect(outputs).toHaveLength(1);
  });

  test('keeps the original messages, which a session can use again, and is purged with them', async () => {
    const { client, gateway } = await startTestGateway({ tools: [] });
    const { sessionId } = await talk(client, 'back', 6);
    await compact(client, sessionId);
    const useCompaction = async (value: boolean) => {
      await client.send(UpdateSessionDocument, { input: { sessionId, useCompaction: value } });
      const { runId } = await converse(client, { sessionId, text: '/say x' });
      return (await contextOf(client, runId)).contextAt;
    };
    const originals = await useCompaction(false);
    expect([originals.compaction, originals.messages.length]).toEqual([null, 13]);
    expect((await useCompaction(true)).compaction).not.toBeNull();
    expect((await contextOf(client, originals.messages.at(-1)?.runId ?? '')).contextAt).toEqual(originals);
    await client.send(PurgeSessionDocument, { input: { sessionId, confirmKey: 'back' } });
    expect(await gateway.parts.database.reader.compactionArtifact.count()).toBe(0);
  });

  test('of a parent is used in a branch if all of it lies within what the branch sees', async () => {
    const { client } = await startTestGateway({ tools: [] });
    const { sessionId, runIds } = await talk(client, 'lineage', 8);
    const { artifact } = await compact(client, sessionId);
    const shown = async (index: number) => {
      const id = await branch(client, { sessionId, runId: runIds[index] ?? '' });
      const { runId } = await converse(client, { sessionId: id, text: '/say x' });
      return (await contextOf(client, runId)).contextAt;
    };
    expect((await shown(6)).compaction).toEqual({ id: artifact?.id });
    const earlier = await shown(3);
    expect([earlier.compaction, earlier.messages.length, earlier.isExact]).toEqual([null, 9, true]);
  });
});

describe('a run that alone exceeds its window', () => {
  test('B54: is summarised while it executes, calls together with their results, and ends', async () => {
    const flood = countedTool({ execute: async ({ word }) => `${word} `.repeat(400) });
    const { client } = await startTestGateway({ ...small, tools: [flood] });
    const text = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'].map(
      (word) => `/call count {"word":"${word}"}`,
    );
    const { run, runId } = await converse(client, {
      sessionKey: 'flood',
      text: `${text.join('\n/then\n')}\n/then\n/say done`,
    });
    expect(run).toMatchObject({ state: 'DONE', output: 'done' });
    const next = await send(client, { sessionKey: 'flood', text: '/say x' });
    await follow(client, next.run.id);
    const made = await compactions(client, next.session.id);
    expect(made.map(({ trigger }) => trigger)).toContain('OVERFLOW');
    const { contextAt } = await contextOf(client, runId, run.steps);
    expect(contextAt.messages[0]).toMatchObject({ role: 'USER', seq: 1 });
    const called = contextAt.messages.flatMap(({ toolCalls }) => toolCalls);
    expect(contextAt.messages.flatMap(({ callId }) => callId ?? [])).toEqual(called);
    expect(contextAt.isExact).toBe(true);
  });

  test('B56: with two unusable summaries, empty or too long, continues with results that are cut and marked', async () => {
    for (const summary of ['', long('more than was given').repeat(100)]) {
      let summaryRequests = 0;
      const flood = countedTool({ execute: async ({ word }) => `${word} `.repeat(600) });
      const catalogue = overridingCatalogue(2000, (inner) => async (request, sink, signal) => {
        if (summaryWordLimit(request) === null) return inner.stream(request, sink, signal);
        summaryRequests += 1;
        sink.text(summary);
        return { reason: 'stop', calls: [], usage: null, responseId: null };
      });
      const { client } = await startTestGateway({ tools: [flood], catalogue });
      const text = ['one', 'two', 'three', 'four', 'five']
        .map((word) => `/call count {"word":"${word}"}`)
        .join('\n/then\n');
      const { run, runId } = await converse(client, { sessionKey: 'bad', text: `${text}\n/then\n/say done` });
      expect(run).toMatchObject({ state: 'DONE', output: 'done' });
      expect(summaryRequests).toBe(2);
      const { contextAt } = await contextOf(client, runId, 6);
      expect(contextAt.messages.find(({ role }) => role === 'TOOL')?.text).toContain('cut to make room');
      expect(contextAt.isExact).toBe(true);
    }
  });

  test('B56: counts failed summaries across a restart, and records their reason and usage apart from its own', async () => {
    let summaryRequests = 0;
    const usage = { input: 100, output: 1, cachedInput: null, reasoning: null };
    const catalogue = overridingCatalogue(2000, (inner) => async (request, sink, signal) => {
      if (summaryWordLimit(request) === null) return inner.stream(request, sink, signal);
      summaryRequests += 1;
      return { reason: 'stop', calls: [], usage, responseId: null };
    });
    const flood = countedTool({ risk: 'HIGH', execute: async ({ word }) => `${word} `.repeat(600) });
    const first = await startTestGateway({ tools: [flood], catalogue });
    const script = ['one', 'two', 'three', 'four', 'five'].map((word) => `/call count {"word":"${word}"}`);
    const text = `${script.join('\n/then\n')}\n/then\n/say done`;
    const { run } = await send(first.client, { sessionKey: 'restarted', text });
    let cursor: string | undefined;
    let answered = 0;
    while (summaryRequests < 1) {
      cursor = (await decideNextApproval(first.client, run.id, 'ALLOW', cursor)).cursor;
      answered += 1;
      await follow(first.client, run.id, { after: cursor, isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    }
    expect(summaryRequests).toBe(1);
    const { client } = await first.restart();
    for (; answered < script.length; answered += 1)
      cursor = (await decideNextApproval(client, run.id, 'ALLOW', cursor)).cursor;
    await follow(client, run.id, { after: cursor });
    expect([(await runById(client, run.id)).output, summaryRequests]).toEqual(['done', 2]);
    const { run: taped } = await client.send(RunTapeDocument, { id: run.id, first: 100, types: ['CONTEXT', 'OUTPUT'] });
    const payloads = taped?.tape.nodes.map(
      ({ payload }) => payload as Partial<PayloadOf<'context'> & PayloadOf<'output'>>,
    );
    const reason = expect.stringContaining('it was empty');
    const attempt = { reason, model: 'scripted', usage: expect.objectContaining(usage) };
    expect(payloads?.flatMap(({ failedCompaction }) => failedCompaction ?? [])).toEqual([attempt, attempt]);
    // B57: the usage of the run is that of its outputs.
    const inputs = payloads?.flatMap((payload) => payload.usage?.input ?? []) ?? [];
    expect((await runById(client, run.id)).usage.inputTokens).toBe(inputs.reduce((sum, input) => sum + input, 0));
  });

  test('is sent once more with half of the window if the provider finds it too long, and then fails', async () => {
    const lengths: number[] = [];
    const refusingAbove = (maxLength: number) =>
      overridingCatalogue(2000, (inner: CatalogueEntry['model']) => async (request, sink, signal) => {
        if (summaryWordLimit(request) !== null) return inner.stream(request, sink, signal);
        const length = JSON.stringify(request.messages).length;
        lengths.push(length);
        if (length > maxLength) throw new ModelError('CONTEXT_OVERFLOW', 'Too long.', { retryable: false });
        return inner.stream(request, sink, signal);
      });
    const { client, restart } = await startTestGateway({ tools: [], catalogue: refusingAbove(10_000) });
    await talk(client, 'tight', 6);
    const tighter = await restart({ tools: [], catalogue: refusingAbove(3500) });
    lengths.length = 0;
    const { run, runId } = await converse(tighter.client, { sessionKey: 'tight', text: '/say through' });
    expect(run).toMatchObject({ state: 'DONE', output: 'through' });
    expect(lengths).toHaveLength(2);
    expect(lengths[1]).toBeLessThan(3500);
    expect((await contextOf(tighter.client, runId)).contextAt.isExact).toBe(true);
    const closed = await tighter.restart({ tools: [], catalogue: refusingAbove(0) });
    lengths.length = 0;
    const failed = await converse(closed.client, { sessionKey: 'tight', text: '/say no way' });
    expect([failed.run.error?.code, lengths.length]).toEqual(['CONTEXT_OVERFLOW', 2]);
  });
});
