import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createTapeCounters } from '../../../src/observation/tape-counters.ts';
import { samplesOf } from '../../integration/observation/exposition.ts';
import {
  approvalDecision,
  context,
  failure,
  type Given,
  inProgress,
  input,
  interruptedAnswer,
  output,
  recordedTape,
  resumption,
  status,
  steered,
  toolDecision,
  toolProgress,
  toolResult,
  waitSettled,
} from '../domain/given.ts';

/** The samples that begin with one of the names, after appends with these events. Buckets are left out. */
async function counted(names: string[], ...appends: Given[]) {
  const registry = new Registry();
  const count = createTapeCounters(registry);
  for (const given of appends) count(recordedTape(given));
  const samples = [...samplesOf(await registry.metrics())].filter(
    ([sample]) => names.some((name) => sample.startsWith(`runtape_${name}`)) && !sample.includes('_bucket'),
  );
  return Object.fromEntries(samples.map(([sample, value]) => [sample.slice('runtape_'.length), value]));
}

const usage = { input: 10, output: 4, cost: 0.5 };
const compaction: Given = {
  type: 'compaction',
  actor: 'SYSTEM',
  payload: {
    artifactId: 'sum_1',
    tokensBefore: 100,
    tokensAfter: 10,
    model: 'small',
    usage: { ...usage, estimated: false, cachedInput: null, reasoning: null },
  },
};

function withFailedSummary(usageOfSummary: { input: number; output: number } | null): Given {
  const event = context(1);
  if (event.type !== 'context') throw new Error('It is no context.');
  const counts = usageOfSummary && {
    ...usageOfSummary,
    estimated: false,
    cost: null,
    cachedInput: null,
    reasoning: null,
  };
  return {
    ...event,
    payload: { ...event.payload, failedCompaction: { reason: 'No.', model: 'small', usage: counts } },
  };
}

test('events are counted by type, over all appends', async () => {
  const pieces = [toolProgress('a'), toolProgress('a')];
  expect(await counted(['events_total'], inProgress, [pieces, toolResult('a')])).toEqual({
    'events_total{type="input"}': 1,
    'events_total{type="status"}': 2,
    'events_total{type="tool_progress"}': 2,
    'events_total{type="tool_result"}': 1,
  });
});

test('messages that join a run are told apart from those that start one', async () => {
  expect(await counted(['messages_total'], [input('a'), steered('b'), steered('c')])).toEqual({
    'messages_total{kind="new"}': 1,
    'messages_total{kind="steered"}': 2,
  });
});

test('runs are counted when they end, with the reason of a failure and their time at work', async () => {
  const ends: Given = [
    status('IN_PROGRESS', 'AWAITING_APPROVAL', { workMilliseconds: 500 }),
    status('IN_PROGRESS', 'DONE', { workMilliseconds: 2500 }),
    status('IN_PROGRESS', 'CANCELLED'),
    status('IN_PROGRESS', 'FAILED', { error: failure, workMilliseconds: 500 }),
  ];
  expect(await counted(['runs_ended', 'run_work'], ends)).toEqual({
    'runs_ended_total{state="DONE",code=""}': 1,
    'runs_ended_total{state="CANCELLED",code=""}': 1,
    'runs_ended_total{state="FAILED",code="INTERNAL"}': 1,
    run_work_seconds_sum: 3,
    run_work_seconds_count: 2,
  });
});

test('the tokens and the cost of answers and summaries are counted by model', async () => {
  const answers: Given = [output(1, { usage }), output(2, { usage: { input: 1, output: 2, cost: null } })];
  const summaries: Given = [
    compaction,
    withFailedSummary({ input: 3, output: 1 }),
    withFailedSummary(null),
    context(2),
  ];
  expect(await counted(['steps', 'model'], answers, summaries)).toEqual({
    'steps_total{model="scripted"}': 2,
    'model_tokens_total{model="scripted",direction="input",purpose="step"}': 11,
    'model_tokens_total{model="scripted",direction="output",purpose="step"}': 6,
    'model_cost_total{model="scripted",purpose="step"}': 0.5,
    'model_tokens_total{model="small",direction="input",purpose="summary"}': 13,
    'model_tokens_total{model="small",direction="output",purpose="summary"}': 5,
    'model_cost_total{model="small",purpose="summary"}': 0.5,
  });
});

test('tool calls are counted by decision and by outcome, with their duration', async () => {
  const calls: Given = [
    toolDecision('a', 'ALLOW'),
    toolDecision('b', 'ASK'),
    toolResult('a', { durationMilliseconds: 1500 }),
    toolResult('b', { ok: false, durationMilliseconds: 500 }),
  ];
  expect(await counted(['tool_'], calls)).toEqual({
    'tool_decisions_total{effect="ALLOW"}': 1,
    'tool_decisions_total{effect="ASK"}': 1,
    'tool_calls_total{outcome="ok"}': 1,
    'tool_calls_total{outcome="error"}': 1,
    tool_call_seconds_sum: 2,
    tool_call_seconds_count: 2,
  });
});

test('waits are counted when they are settled, by kind and outcome', async () => {
  const settled: Given = [approvalDecision('a', 'DENIED'), waitSettled('b', 'ANSWERED'), waitSettled('c', 'EXPIRED')];
  expect(await counted(['waits_settled'], settled)).toEqual({
    'waits_settled_total{kind="APPROVAL",outcome="DENIED"}': 1,
    'waits_settled_total{kind="CLIENT_TOOL",outcome="ANSWERED"}': 1,
    'waits_settled_total{kind="CLIENT_TOOL",outcome="EXPIRED"}': 1,
  });
});

test('a resumption is that of a lost server or of an answer that broke off', async () => {
  const names = ['lease_takeovers', 'broken_answers'];
  expect(await counted(names, [resumption(1), resumption(1, 2), interruptedAnswer(1, 3)])).toEqual({
    lease_takeovers_total: 2,
    broken_answers_total: 1,
  });
});
