import { readFile } from 'node:fs/promises';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { foldRun } from '../../src/domain/run.ts';
import { isTerminal } from '../../src/domain/transitions.ts';
import { waitChangeOf } from '../../src/domain/wait.ts';
import type { Gateway } from '../../src/server/gateway.ts';
import { poll } from '../until.ts';
import type { Observations, Settlement } from './observations.ts';

/** B48: everything that clients observed is stored, and no tool ran more often than allowed. Returns the problems. */
export async function checkObservations(
  { parts }: Gateway,
  observations: Observations,
  executionsFile: string,
): Promise<string[]> {
  const problems = [...observations.problems];
  const tapes = new Map<string, RecordedEvent[]>();
  for (const { runId } of await parts.database.reader.tape.findMany({ select: { runId: true } })) {
    tapes.set(runId, await parts.journal.read(runId, { after: 0, limit: 100_000 }));
    const verification = await parts.journal.verify(runId);
    if (verification.kind === 'broken') problems.push(`${runId}: event ${verification.seq} ${verification.fault}`);
  }
  problems.push(
    ...observationProblems(tapes, observations),
    ...settlementProblems([...tapes.values()].flat(), observations),
  );
  for (const [runId, events] of tapes) problems.push(...tapeProblems(runId, events));
  const executions = await readFile(executionsFile, 'utf8').catch(() => '');
  problems.push(...executionProblems([...tapes.values()].flat(), executions));
  return problems;
}

function observationProblems(tapes: Map<string, RecordedEvent[]>, observations: Observations): string[] {
  const problems: string[] = [];
  for (const [runId, text] of observations.sent) {
    const first = tapes.get(runId)?.[0];
    if (first?.type !== 'input' || first.payload.text !== text) problems.push(`${runId}: its message was lost`);
  }
  for (const [text, runId] of observations.steered) {
    const found = tapes.get(runId)?.filter((event) => event.type === 'input' && event.payload.text === text);
    if (found?.length !== 1)
      problems.push(`${runId}: the steering message ${text} is on the tape ${found?.length} times`);
  }
  for (const runId of observations.cancelled) {
    const last = tapes.get(runId)?.at(-1);
    if (last?.type !== 'status' || last.payload.to !== 'CANCELLED')
      problems.push(`${runId}: its cancellation was lost`);
  }
  for (const [runId, hashes] of observations.received) {
    const events = tapes.get(runId) ?? [];
    const lost = hashes.findIndex((hash, index) => events[index]?.hash !== hash);
    if (lost >= 0) problems.push(`${runId}: event ${lost + 1} was received and is not on the tape`);
  }
  return problems;
}

/** Settlements that were acknowledged and are not on the tape, or differ from it. */
function settlementProblems(events: RecordedEvent[], { settled }: Observations): string[] {
  const results = new Map(
    events.flatMap(({ type, payload }) => (type === 'tool_result' ? [[payload.callId, payload] as const] : [])),
  );
  const recorded = new Map<string, Settlement>();
  for (const event of events) {
    const change = waitChangeOf(event);
    if (change?.change !== 'settled' || change.status === 'PENDING') continue;
    const result = change.kind === 'CLIENT_TOOL' ? results.get(change.callId ?? '') : undefined;
    const value = result
      ? (result.output ?? result.error)
      : event.type === 'wait_settled'
        ? event.payload.answer
        : null;
    recorded.set(change.id, { outcome: change.status, value: value === null ? null : JSON.stringify(value) });
  }
  return [...settled].flatMap(([id, settlement]) => {
    const found = recorded.get(id);
    return JSON.stringify(found) === JSON.stringify(settlement)
      ? []
      : [`${id}: acknowledged ${JSON.stringify(settlement)}, but recorded ${JSON.stringify(found)}`];
  });
}

function tapeProblems(runId: string, events: RecordedEvent[]): string[] {
  const problems: string[] = [];
  const last = events.at(-1);
  if (last?.type !== 'status' || !isTerminal(last.payload.to))
    problems.push(`${runId}: it has not ended, its last event is ${last?.type}`);
  const ends = events.filter((event) => event.type === 'status' && isTerminal(event.payload.to));
  if (ends.length > 1) problems.push(`${runId}: ended ${ends.length} times`);
  const results = events.flatMap((event) => (event.type === 'tool_result' ? [event.payload.callId] : []));
  if (new Set(results).size !== results.length) problems.push(`${runId}: a call has two results`);
  return [...problems, ...waitProblems(runId, events)];
}

/** Every wait is settled once, and a run that waits no longer has no open one. */
function waitProblems(runId: string, events: RecordedEvent[]): string[] {
  const changes = events.flatMap((event) => waitChangeOf(event) ?? []);
  const settled = changes.flatMap(({ change, id }) => (change === 'settled' ? [id] : []));
  const opened = changes.flatMap(({ change, id }) => (change === 'opened' ? [id] : []));
  const twice = settled.filter((id, index) => settled.indexOf(id) !== index);
  const unsettled = opened.filter((id) => !settled.includes(id));
  return [
    ...twice.map((id) => `${runId}: ${id} is settled twice`),
    ...unsettled.map((id) => `${runId}: ${id} is never settled`),
  ];
}

/** Everybody used at most what the budgets and the people who raised them allowed, and nothing stays reserved. */
export async function budgetProblems({ parts: { database, journal } }: Gateway): Promise<string[]> {
  const { reader } = database;
  const isSettled = async () => (await reader.budgetReservation.count()) === 0;
  await poll(isSettled, { description: 'the charge of calls whose server was lost', seconds: 60 });
  const allowed = new Map<string, number>();
  for (const { runId } of await reader.tape.findMany({ select: { runId: true } })) {
    const events = await journal.read(runId, { after: 0, limit: 100_000 });
    for (const { type, payload } of events) {
      if (type !== 'wait_request' || !payload.budget) continue;
      const { increases, allowance } = payload.budget;
      // An increase is named after the account of its budget and the allowance.
      allowed.set(increases.slice(0, -` ${allowance}`.length), allowance);
    }
    const increased = Object.entries(foldRun(events)?.budgetIncreases ?? {});
    for (const [name, amount] of increased) allowed.set(`${name} + ${runId}`, amount);
  }
  const uses = await reader.budgetUse.findMany();
  return uses.flatMap(({ key, spent }) => {
    const limit = allowed.get(key);
    return limit !== undefined && spent > limit ? [`${key}: used ${spent} of ${limit}`] : [];
  });
}

const idempotentTools: ReadonlySet<string> = new Set(['stamp_idempotent', 'ask']);

/** A tool that is not idempotent runs once for each permission: the first one, and each approved repetition. */
function executionProblems(events: RecordedEvent[], executions: string): string[] {
  const counts = new Map<string, number>();
  for (const line of executions.split('\n').filter(Boolean)) {
    const [tool = '', mark = ''] = line.split(' ');
    if (!idempotentTools.has(tool)) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  const marks = new Map<string, string>();
  const repeats = new Map<string, string>();
  const allowed = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'tool_call') marks.set(event.payload.callId, markOf(event.payload.input));
    if (event.type === 'approval_request' && event.payload.why === 'unknown_outcome') {
      repeats.set(event.payload.approvalId, event.payload.callId);
    }
    if (event.type === 'approval_decision' && event.payload.status === 'ALLOWED') {
      const callId = repeats.get(event.payload.approvalId);
      if (callId) allowed.set(callId, (allowed.get(callId) ?? 0) + 1);
    }
  }
  const limits = new Map([...marks].map(([callId, mark]) => [mark, 1 + (allowed.get(callId) ?? 0)]));
  return [...counts].flatMap(([mark, count]) =>
    count > (limits.get(mark) ?? 0)
      ? [`${mark}: ran ${count} times, but was allowed ${limits.get(mark) ?? 0} times`]
      : [],
  );
}

function markOf(input: unknown): string {
  return typeof input === 'object' && input !== null && 'mark' in input ? String(input.mark) : '';
}
