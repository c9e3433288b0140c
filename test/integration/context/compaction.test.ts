import { describe, expect, test } from 'vitest';
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
import { answerNext, converse, follow, runById, send } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { overridingCatalogue } from './overriding-catalogue.ts';
import { branch, compact, compactions, contextOf } from './session-operations.ts';

type Client = TestGateway['client'];

const long = (text: string) => `${text} ${'and so on '.repeat(30)}`;

/** So many turns of about 180 tokens. Returns the session and its runs. */
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

describe('B54: a summary', () => {
  test('that is asked for has its range and counts, and is shown with the last turns instead of what it stands for', async () => {
    const { client } = await startTestGateway({ tools: [] });
    const { sessionId, runIds } = await talk(client, 'hand', 6);
    const tapes = () => Promise.all(runIds.map((id) => client.send(RunTapeDocument, { id })));
    const before = await tapes();
    const full = (await contextOf(client, (await converse(client, { sessionId, text: '/say x' })).runId)).contextAt;
    const dry = await compact(client, sessionId, true);
    expect([dry.stored, await compactions(client, sessionId)]).toEqual([false, []]);
    const { artifact, stored } = await compact(client, sessionId);
    expect(stored).toBe(true);
    // The last two turns are the sixth and the one behind it.
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

  test('waits for nobody: a session with a run under way is busy, and one with nothing to summarise says so', async () => {
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

  test('is made when history passes three quarters of the window, is on the tape, and builds on the one before', async () => {
    const { client } = await startTestGateway(small);
    const { sessionId } = await talk(client, 'auto', 24);
    const made = (await compactions(client, sessionId)).toReversed();
    expect(made.length).toBeGreaterThan(1);
    expect(made[0]).toMatchObject({ trigger: 'THRESHOLD', previous: null });
    expect(made[1]?.previous).toEqual({ id: made[0]?.id });
    expect(made[1]?.eventCount).toBeGreaterThan(made[0]?.eventCount ?? 0);
    const { run } = await client.send(RunTapeDocument, { id: made[0]?.run?.id ?? '' });
    const event = run?.tape.nodes.find(({ type }) => type === 'COMPACTION');
    expect(event?.payload).toMatchObject({ artifactId: made[0]?.id, usage: { estimated: false } });
    // B57: the run's usage is that of its outputs.
    const outputs = run?.tape.nodes.flatMap((each) =>
      each.type === 'OUTPUT' ? [each.payload as { usage: { input: number } }] : [],
    );
    expect(outputs).toHaveLength(1);
  });

  test('keeps the originals, which a session can go back to, and is purged with them', async () => {
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

  test('of a parent stands for its history in a branch where it lies wholly within what the branch sees', async () => {
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

describe('a run that overflows its window by itself', () => {
  test('B54: is summarised while it is under way, calls with their results, and ends', async () => {
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
    const made = await compactions(
      client,
      (
        await send(client, { sessionKey: 'flood', text: '/say x' }).then(async (sent) => {
          await follow(client, sent.run.id);
          return sent;
        })
      ).session.id,
    );
    expect(made.map(({ trigger }) => trigger)).toContain('OVERFLOW');
    const { contextAt } = await contextOf(client, runId, run.steps);
    expect(contextAt.messages[0]).toMatchObject({ role: 'USER', seq: 1 });
    const called = contextAt.messages.flatMap(({ toolCalls }) => toolCalls);
    expect(contextAt.messages.flatMap(({ callId }) => callId ?? [])).toEqual(called);
    expect(contextAt.isExact).toBe(true);
  });

  test('B56: a summariser that gives nothing, or too much, is asked twice at the most; results are cut and marked', async () => {
    for (const summary of ['', long('more than was given').repeat(100)]) {
      let asked = 0;
      const flood = countedTool({ execute: async ({ word }) => `${word} `.repeat(600) });
      const catalogue = overridingCatalogue(2000, (inner) => async (request, sink, signal) => {
        if (summaryWordLimit(request) === null) return inner.stream(request, sink, signal);
        asked += 1;
        sink.text(summary);
        return { reason: 'stop', calls: [], usage: null, responseId: null };
      });
      const { client } = await startTestGateway({ tools: [flood], catalogue });
      const text = ['one', 'two', 'three', 'four', 'five']
        .map((word) => `/call count {"word":"${word}"}`)
        .join('\n/then\n');
      const { run, runId } = await converse(client, { sessionKey: 'bad', text: `${text}\n/then\n/say done` });
      expect(run).toMatchObject({ state: 'DONE', output: 'done' });
      expect(asked).toBe(2);
      const { contextAt } = await contextOf(client, runId, 6);
      expect(contextAt.messages.find(({ role }) => role === 'TOOL')?.text).toContain('cut to make room');
      expect(contextAt.isExact).toBe(true);
    }
  });

  test('B56: attempts count across a restart, with their reasons and usage on the tape, apart from that of the run', async () => {
    let asked = 0;
    const used = { input: 100, output: 1, cachedInput: null, reasoning: null };
    const catalogue = overridingCatalogue(2000, (inner) => async (request, sink, signal) => {
      if (summaryWordLimit(request) === null) return inner.stream(request, sink, signal);
      asked += 1;
      return { reason: 'stop', calls: [], usage: used, responseId: null };
    });
    const flood = countedTool({ risk: 'HIGH', execute: async ({ word }) => `${word} `.repeat(600) });
    const first = await startTestGateway({ tools: [flood], catalogue });
    const script = ['one', 'two', 'three', 'four', 'five'].map((word) => `/call count {"word":"${word}"}`);
    const text = `${script.join('\n/then\n')}\n/then\n/say done`;
    const { run } = await send(first.client, { sessionKey: 'restarted', text });
    let cursor: string | undefined;
    let answered = 0;
    while (asked < 1) {
      cursor = (await answerNext(first.client, run.id, 'ALLOW', cursor)).cursor;
      answered += 1;
      await follow(first.client, run.id, { after: cursor, enough: ({ type }) => type === 'APPROVAL_REQUEST' });
    }
    expect(asked).toBe(1);
    const { client } = await first.restart();
    for (; answered < script.length; answered += 1) cursor = (await answerNext(client, run.id, 'ALLOW', cursor)).cursor;
    await follow(client, run.id, { after: cursor });
    expect([(await runById(client, run.id)).output, asked]).toEqual(['done', 2]);
    const { run: taped } = await client.send(RunTapeDocument, { id: run.id, first: 100, types: ['CONTEXT', 'OUTPUT'] });
    const payloads = taped?.tape.nodes.map(
      ({ payload }) => payload as Partial<PayloadOf<'context'> & PayloadOf<'output'>>,
    );
    const reason = expect.stringContaining('it was empty');
    const attempt = { reason, model: 'scripted', usage: expect.objectContaining(used) };
    expect(payloads?.flatMap(({ failedCompaction }) => failedCompaction ?? [])).toEqual([attempt, attempt]);
    // B57: the run's usage is that of its outputs.
    const inputs = payloads?.flatMap(({ usage }) => usage?.input ?? []) ?? [];
    expect((await runById(client, run.id)).usage.inputTokens).toBe(inputs.reduce((sum, input) => sum + input, 0));
  });

  test('a provider that finds a context too long is asked once more with half of it, and then the run fails', async () => {
    const shown: number[] = [];
    const refusing = (most: number) =>
      overridingCatalogue(2000, (inner: CatalogueEntry['model']) => async (request, sink, signal) => {
        if (summaryWordLimit(request) !== null) return inner.stream(request, sink, signal);
        const length = JSON.stringify(request.messages).length;
        shown.push(length);
        if (length > most) throw new ModelError('CONTEXT_OVERFLOW', 'Too long.', { retryable: false });
        return inner.stream(request, sink, signal);
      });
    const { client, restart } = await startTestGateway({ tools: [], catalogue: refusing(10_000) });
    await talk(client, 'tight', 6);
    const tighter = await restart({ tools: [], catalogue: refusing(3500) });
    shown.length = 0;
    const { run, runId } = await converse(tighter.client, { sessionKey: 'tight', text: '/say through' });
    expect(run).toMatchObject({ state: 'DONE', output: 'through' });
    expect(shown).toHaveLength(2);
    expect(shown[1]).toBeLessThan(3500);
    expect((await contextOf(tighter.client, runId)).contextAt.isExact).toBe(true);
    const closed = await tighter.restart({ tools: [], catalogue: refusing(0) });
    shown.length = 0;
    const failed = await converse(closed.client, { sessionKey: 'tight', text: '/say no way' });
    expect([failed.run.error?.code, shown.length]).toEqual(['CONTEXT_OVERFLOW', 2]);
  });
});
