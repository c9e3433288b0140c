import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { BUDGET_LEAST_ANSWER_TOKENS, BUDGET_WAIT_SECONDS } from '../../../src/config/limits.ts';
import { accountOf, type Budget, increaseId, type PlannedCall } from '../../../src/domain/budget.ts';
import { createSpending } from '../../../src/orchestrator/spending.ts';
import { createFakeClock } from '../../unit/fake-clock.ts';
import { stores } from './both-stores.ts';

const budget = (more: Partial<Budget> = {}): Budget => ({
  appliesTo: 'PRINCIPAL',
  agent: null,
  period: 'TOTAL',
  kind: 'TOKENS',
  allowance: 1000,
  onLimit: 'fail',
  ...more,
});
const planned = (inputTokens: number): PlannedCall => ({
  inputTokens,
  outputTokens: BUDGET_LEAST_ANSWER_TOKENS,
  price: null,
});
const run = (runId: string, more: { owner?: string; increases?: Record<string, number> } = {}) => ({
  runId,
  epoch: 1,
  sessionId: 'ses_1',
  agent: null,
  owner: 'ada',
  increases: {},
  ...more,
});
const { signal } = new AbortController();
/** A call that takes the whole allowance of 1,000 tokens. */
const whole = planned(1000 - BUDGET_LEAST_ANSWER_TOKENS);

describe.each(stores)('B94: what calls may spend on %s', (_provider, open) => {
  async function openSpending() {
    const { database } = await open();
    const clock = createFakeClock();
    // Each poll is a transaction: a hundredth of them is enough.
    const sleep: Clock['sleep'] = (milliseconds, until) => clock.sleep(100 * milliseconds, until);
    const spending = createSpending({ database, clock: { ...clock, sleep } });
    const spent = async () => {
      const rows = await database.reader.budgetUse.findMany({ select: { spent: true } });
      return rows.map((row) => row.spent).filter((amount) => amount > 0);
    };
    /** Lets the time pass, and the queries that follow. */
    async function passTime(milliseconds: number): Promise<void> {
      await clock.advance(milliseconds);
      await spent();
      await setImmediate();
    }
    return { clock, reserve: spending.reserve, spent, passTime };
  }

  test('is not limited without budgets, or if none applies to the run', async () => {
    const { reserve, spent } = await openSpending();
    const ofAgent = budget({ appliesTo: 'AGENT', agent: 'clerk' });
    for (const budgets of [[], [ofAgent]]) {
      const call = await reserve(run('run_1'), budgets, planned(5000), signal);
      if (call.kind !== 'reserved') throw new Error('It was not reserved.');
      expect(call.maxOutputTokens).toBeNull();
      await call.settle({ TOKENS: 5000, COST: 0 });
    }
    expect(await spent()).toEqual([]);
  });

  test('is reserved before the call, and is what the call used after it', async () => {
    const { reserve, spent } = await openSpending();
    const call = await reserve(run('run_1'), [budget()], planned(100), signal);
    if (call.kind !== 'reserved') throw new Error('It was not reserved.');
    expect(call.maxOutputTokens).toBe(BUDGET_LEAST_ANSWER_TOKENS);
    expect(await spent()).toEqual([]);
    await call.settle({ TOKENS: 90, COST: 0 });
    expect(await spent()).toEqual([90]);
  });

  test('is too little for a call that does not fit: it waits for nobody', async () => {
    const { reserve, clock } = await openSpending();
    expect(await reserve(run('run_1'), [budget()], planned(1000), signal)).toMatchObject({
      kind: 'exceeded',
      isBlocked: false,
    });
    expect([clock.now(), clock.pending()]).toEqual([0, 0]);
  });

  /** A call that waits for another one, which has reserved the whole allowance. */
  async function openWaiting(of?: AbortSignal) {
    const opened = await openSpending();
    const first = await opened.reserve(run('run_1'), [budget()], whole, signal);
    if (first.kind !== 'reserved') throw new Error('It was not reserved.');
    const waiting = opened.reserve(run('run_2'), [budget()], planned(100), of ?? signal);
    while (opened.clock.pending() === 0) await opened.passTime(0);
    return { ...opened, first, waiting };
  }

  test('lets a call wait for one in progress, and reserves what that one leaves', async () => {
    const { first, waiting, passTime } = await openWaiting();
    await first.settle({ TOKENS: 10, COST: 0 });
    await passTime(10_000);
    expect(await waiting).toMatchObject({ kind: 'reserved' });
  });

  test('lets a call wait for a limited time', async () => {
    const { waiting, clock, passTime } = await openWaiting();
    let isDecided = false;
    const decided = waiting.then(() => {
      isDecided = true;
    });
    for (let waited = 0; waited < BUDGET_WAIT_SECONDS; waited += 10) {
      while (clock.pending() === 0) await passTime(0);
      expect(isDecided).toBe(false);
      await passTime(10_000);
    }
    await decided;
    expect(await waiting).toMatchObject({ kind: 'exceeded', isBlocked: true });
    expect(clock.pending()).toBe(0);
  });

  test('is not waited for after the run has stopped', async () => {
    const stopped = new AbortController();
    const { waiting, reserve } = await openWaiting(stopped.signal);
    stopped.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await expect(reserve(run('run_2'), [budget()], planned(100), AbortSignal.abort('gone'))).rejects.toBe('gone');
  });

  test('is given up at once by a run that stops while it waits behind another one', async () => {
    const stopped = new AbortController();
    const { waiting, reserve, first, passTime } = await openWaiting();
    const reasons: unknown[] = [];
    const behind = reserve(run('run_3'), [budget()], planned(100), stopped.signal).catch((reason: unknown) =>
      reasons.push(reason),
    );
    await setImmediate();
    stopped.abort('stopped');
    await setImmediate();
    expect(reasons).toEqual(['stopped']);
    await first.settle({ TOKENS: 0, COST: 0 });
    await passTime(10_000);
    expect(await waiting).toMatchObject({ kind: 'reserved' });
    await behind;
  });

  test('is decided for each principal apart: one that waits does not hold up another', async () => {
    const { first, waiting, reserve, passTime } = await openWaiting();
    const other = run('run_3', { owner: 'ben' });
    expect(await reserve(other, [budget()], planned(100), signal)).toMatchObject({ kind: 'reserved' });
    await first.settle({ TOKENS: 0, COST: 0 });
    await passTime(10_000);
    expect(await waiting).toMatchObject({ kind: 'reserved' });
  });

  test('is decided for each account apart: a call that waits holds up nobody who needs another one', async () => {
    const { reserve, passTime, clock } = await openSpending();
    const budgets = ['clerk', 'scout'].map((agent) => budget({ appliesTo: 'AGENT', agent }));
    const by = (runId: string, name: string) => ({ ...run(runId), agent: { id: name, name } });
    const first = await reserve(by('run_1', 'clerk'), budgets, whole, signal);
    if (first.kind !== 'reserved') throw new Error('It was not reserved.');
    const second = reserve(by('run_2', 'clerk'), budgets, whole, signal);
    while (clock.pending() === 0) await passTime(0);
    expect(await reserve(by('run_3', 'scout'), budgets, whole, signal)).toMatchObject({ kind: 'reserved' });
    // A small call does not overtake the large one that waits.
    const third = reserve(by('run_4', 'clerk'), budgets, planned(100), signal);
    await first.settle({ TOKENS: 0, COST: 0 });
    await passTime(10_000);
    expect(await second).toMatchObject({ kind: 'reserved' });
    while (clock.pending() === 0) await passTime(0);
    await passTime(1000 * BUDGET_WAIT_SECONDS);
    expect(await third).toMatchObject({ kind: 'exceeded', isBlocked: true });
  });

  test('holds up nobody behind a call that waits for one account and then needs another one', async () => {
    const { reserve, passTime, clock } = await openSpending();
    const budgets = [budget({ allowance: 2000 }), budget({ appliesTo: 'AGENT', agent: 'clerk' })];
    const by = (runId: string, name: string) => ({ ...run(runId), agent: { id: name, name } });
    expect(await reserve(by('run_1', 'clerk'), budgets, whole, signal)).toMatchObject({ kind: 'reserved' });
    const second = await reserve(by('run_2', 'scout'), budgets, whole, signal);
    if (second.kind !== 'reserved') throw new Error('It was not reserved.');
    const third = reserve(by('run_3', 'scout'), budgets, planned(1), signal);
    while (clock.pending() === 0) await passTime(0);
    // Each waits for the principal. After that, only the first one waits for the agent.
    const ofAgent = reserve(by('run_4', 'clerk'), budgets, planned(1), signal);
    const ofOther = reserve(by('run_5', 'scout'), budgets, planned(1), signal);
    await second.settle({ TOKENS: 0, COST: 0 });
    await passTime(10_000);
    expect(await third).toMatchObject({ kind: 'reserved' });
    expect(await ofOther).toMatchObject({ kind: 'reserved' });
    expect(clock.now()).toBe(10_000);
    while (clock.pending() === 0) await passTime(0);
    await passTime(1000 * BUDGET_WAIT_SECONDS);
    expect(await ofAgent).toMatchObject({ kind: 'exceeded', state: { budget: { agent: 'clerk' } } });
  });

  test('is more for a run that a person allowed more, if the budget asks', async () => {
    const { reserve, spent } = await openSpending();
    const asking = budget({ onLimit: 'ask', allowance: 300 });
    const account = accountOf(asking, run('run_1'), 0);
    if (!account) throw new Error('The budget applies to the run.');
    const increases = { [increaseId(asking, account)]: 800 };
    const large = planned(500);
    expect(await reserve(run('run_1'), [asking], large, signal)).toMatchObject({ kind: 'exceeded' });
    const failing = { ...asking, onLimit: 'fail' } as const;
    expect(await reserve(run('run_1', { increases }), [failing], large, signal)).toMatchObject({ kind: 'exceeded' });
    const call = await reserve(run('run_1', { increases }), [asking, asking], large, signal);
    if (call.kind !== 'reserved') throw new Error('It was not reserved.');
    await call.settle({ TOKENS: 700, COST: 0 });
    // A run that was allowed more uses only that, and leaves the budget to the others.
    expect(await spent()).toEqual([700]);
    expect(await reserve(run('run_2'), [asking], planned(1), signal)).toMatchObject({ kind: 'reserved' });
    expect(await reserve(run('run_1', { increases }), [asking], large, signal)).toMatchObject({
      kind: 'exceeded',
      state: { increase: { amount: 800, use: { spent: 700 } } },
    });
  });
});
