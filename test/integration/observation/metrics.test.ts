import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { auth, bearing, sha256, startGuarded, tokens } from '../access/accounts.ts';
import { converse, decideNextApproval, follow, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { readMetrics, total } from './exposition.ts';

const metrics = { enabled: true };
const price = { inputPerMillion: 1, outputPerMillion: 2 };
const models = { scripted: { provider: 'scripted', paceMilliseconds: 0, price } };

async function allEvents({ gateway: { parts } }: TestGateway): Promise<RecordedEvent[]> {
  const tapes = await parts.database.reader.tape.findMany({ select: { runId: true } });
  const events = await Promise.all(tapes.map(({ runId }) => parts.journal.read(runId, { after: 0, limit: 1000 })));
  return events.flat();
}

const sum = (values: readonly number[]) => values.reduce((left, right) => left + right, 0);

describe('the metrics', () => {
  test('B104: agree with the tapes: runs, steps, tokens, cost, tool calls, decisions and waits', async () => {
    const tools = [countedTool({ risk: 'HIGH' })];
    const server = await startTestGateway({ tools, file: { metrics, models } });
    const { client, url } = server;
    await converse(client, { sessionKey: 'a', text: 'hello' });
    const { run } = await converse(client, { sessionKey: 'b', text: '/fail MODEL_REFUSED' });
    expect(run.state).toBe('FAILED');
    const waiting = await send(client, { sessionKey: 'c', text: calling(['count', { word: 'a' }]) });
    await follow(client, waiting.run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
    const queued = await send(client, { sessionKey: 'c', text: 'later' });
    const open = await until(async () => {
      const samples = await readMetrics(url);
      return samples.get('runtape_waits_open{kind="APPROVAL"}') === 1 && samples;
    });
    expect(open.get('runtape_runs{state="AWAITING_APPROVAL"}')).toBe(1);
    expect(open.get('runtape_runs{state="PENDING"}')).toBe(1);
    expect(open.get('runtape_queue_oldest_seconds')).toBeGreaterThanOrEqual(0);
    expect(open.get('runtape_wait_oldest_seconds{kind="APPROVAL"}')).toBeGreaterThanOrEqual(0);
    await decideNextApproval(client, waiting.run.id, 'ALLOW');
    await follow(client, queued.run.id);

    const events = await allEvents(server);
    const ofType = <Type extends RecordedEvent['type']>(type: Type) =>
      events.filter((event): event is Extract<RecordedEvent, { type: Type }> => event.type === type);
    const ends = ofType('status').filter(({ payload }) => ['DONE', 'FAILED', 'CANCELLED'].includes(payload.to));
    const outputs = ofType('output').map(({ payload }) => payload.usage);
    const samples = await until(async () => {
      const read = await readMetrics(url);
      return total(read, 'runtape_events_total') === events.length && read;
    });
    for (const type of new Set(events.map((event) => event.type)))
      expect(samples.get(`runtape_events_total{type="${type}"}`), type).toBe(ofType(type).length);
    expect(samples.get('runtape_runs_ended_total{state="DONE",code=""}')).toBe(3);
    expect(samples.get('runtape_runs_ended_total{state="FAILED",code="MODEL_REFUSED"}')).toBe(1);
    expect(total(samples, 'runtape_runs_ended_total')).toBe(ends.length);
    expect(samples.get('runtape_run_work_seconds_count')).toBe(ends.length);
    expect(samples.get('runtape_steps_total{model="scripted"}')).toBe(outputs.length);
    const tokensOf = (direction: string) =>
      samples.get(`runtape_model_tokens_total{model="scripted",direction="${direction}",purpose="step"}`);
    expect(tokensOf('input')).toBe(sum(outputs.map(({ input }) => input)));
    expect(tokensOf('output')).toBe(sum(outputs.map(({ output }) => output)));
    const cost = samples.get('runtape_model_cost_total{model="scripted",purpose="step"}');
    expect(cost).toBeCloseTo(sum(outputs.map((usage) => usage.cost ?? 0)));
    expect(samples.get('runtape_tool_calls_total{outcome="ok"}')).toBe(ofType('tool_result').length);
    expect(samples.get('runtape_tool_call_seconds_count')).toBe(ofType('tool_result').length);
    expect(samples.get('runtape_tool_decisions_total{effect="ASK"}')).toBe(ofType('tool_decision').length);
    expect(samples.get('runtape_waits_settled_total{kind="APPROVAL",outcome="ALLOWED"}')).toBe(1);
    expect(samples.get('runtape_messages_total{kind="new"}')).toBe(4);
    expect(samples.get('runtape_commit_appends_sum')).toBeGreaterThan(0);
    expect(samples.get('runtape_commit_seconds_count')).toBe(samples.get('runtape_commit_appends_count'));
    expect(samples.get('runtape_database_bytes')).toBeGreaterThan(10_000);
    expect(samples.get('runtape_database_up')).toBe(1);
    expect(samples.get('runtape_model_circuit_state{model="scripted",state="closed"}')).toBe(1);
    expect(samples.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
  });

  test('count followers and refusals, and no label has a value that a client chose', async () => {
    const server = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })], file: { metrics } });
    const { client, url } = server;
    const { run } = await send(client, { sessionKey: 'x', text: calling(['count', { word: 'a' }]) });
    const following = follow(client, run.id);
    await until(async () => (await readMetrics(url)).get('runtape_followers') === 1);
    await expect(send(client, { sessionId: 'ses_unknown', text: 'hi' })).rejects.toThrow('NotFoundError');
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-principal': 'ada' },
      body: JSON.stringify({ query: '{ nothing }' }),
    });
    await converse(client, { sessionKey: 'y', text: calling(['"}evil{x="', {}]) });
    await decideNextApproval(client, run.id, 'DENY');
    await following;
    const samples = await until(async () => {
      const read = await readMetrics(url);
      return read.get('runtape_followers') === 0 && read;
    });
    expect(samples.get('runtape_refusals_total{code="NOT_FOUND"}')).toBe(1);
    expect(samples.get('runtape_refusals_total{code="GRAPHQL_VALIDATION_FAILED"}')).toBe(1);
    expect(samples.get('runtape_tool_calls_total{outcome="error"}')).toBe(2);
    expect([...samples.keys()].join('\n')).not.toContain('evil');
  });

  test('are those that the documentation and the dashboard name', async () => {
    const { url } = await startTestGateway({ file: { metrics } });
    const text = await (await fetch(new URL('/metrics', url))).text();
    const served = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const namesIn = async (path: string) => {
      const page = await readFile(new URL(`../../../docs/${path}`, import.meta.url), 'utf8');
      const names = page.match(/\b(runtape|nodejs|process)_[a-z0-9_]+/g) ?? [];
      return new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    };
    const shown = await namesIn('dashboards/runtape.json');
    const described = await namesIn('observability.md');
    expect([...shown, ...described].filter((name) => !served.has(name))).toEqual([]);
    const own = [...served].filter((name) => name?.startsWith('runtape_'));
    expect(own.filter((name) => name === undefined || !described.has(name))).toEqual([]);
    expect(own.filter((name) => name === undefined || !shown.has(name))).toEqual(['runtape_info']);
  });

  test('are not served unless they are enabled', async () => {
    const { url } = await startTestGateway();
    const response = await fetch(new URL('/metrics', url));
    expect(response.status).toBe(404);
  });
});

describe('who may read the metrics', () => {
  const read = async (url: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(new URL('/metrics', url), { method, headers });
    const text = await response.text();
    return { status: response.status, text };
  };

  test('B58: with authentication, a token with the scope admin or the token of the metrics', async () => {
    const { url } = await startGuarded({ metrics: { enabled: true, tokenSha256: sha256('scraper') } });
    for (const headers of [{}, bearing('wrong'), { authorization: 'Basic c2NyYXBlcg==' }]) {
      const { status, text } = await read(url, headers);
      expect(status).toBe(401);
      expect(text).not.toContain('runtape_');
    }
    expect(await read(url, bearing(tokens.adaReads))).toMatchObject({ status: 403 });
    expect(await read(url, bearing(tokens.ada))).toMatchObject({ status: 200 });
    expect(await read(url, bearing('scraper'))).toMatchObject({ status: 200 });
    expect(await read(url, bearing('scraper'), 'POST')).toMatchObject({ status: 405 });
    expect(await read(url, bearing('scraper'), 'HEAD')).toEqual({ status: 200, text: '' });
    const api = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearing('scraper') },
      body: '{"query":"{ gateway { version } }"}',
    });
    expect(api.status).toBe(401);
    const samples = await until(async () => {
      const found = await readMetrics(url, bearing('scraper'));
      return total(found, 'runtape_sign_in_failures_total') === 4 && found;
    });
    expect(samples.get('runtape_sign_in_failures_total{problem="unknown"}')).toBe(2);
  });

  test('without authentication, local clients, but no page of another site', async () => {
    const { url } = await startTestGateway({ file: { metrics } });
    expect(await read(url)).toMatchObject({ status: 200 });
    expect(await read(url, { origin: 'https://evil.example' })).toMatchObject({ status: 403 });
    const guarded = await startTestGateway({ file: { metrics: { ...metrics, tokenSha256: sha256('scraper') } } });
    expect(await read(guarded.url)).toMatchObject({ status: 401 });
    expect(await read(guarded.url, bearing('scraper'))).toMatchObject({ status: 200 });
  });

  test('a token that is no SHA-256 is refused at the start', async () => {
    const started = startTestGateway({ file: { auth, metrics: { enabled: true, tokenSha256: 'secret' } } });
    await expect(started).rejects.toThrow('metrics.tokenSha256: must be the SHA-256 of a token');
  });
});
