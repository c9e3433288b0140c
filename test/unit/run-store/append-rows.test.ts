import { describe, expect, test } from 'vitest';
import { groupRows } from '../../../src/database/batch-statement.ts';
import type { Json } from '../../../src/domain/events.ts';
import { evolve, type Run } from '../../../src/domain/run.ts';
import { deleteEncryptedInput } from '../../../src/repositories/encrypted-inputs.ts';
import { rowsOfAppend } from '../../../src/run-store/append-rows.ts';
import {
  approvalRequest,
  context,
  type Given,
  inProgress,
  output,
  pending,
  runOf,
  status,
  tape,
  toolCall,
  toolResult,
} from '../domain/given.ts';

/** The rows of an append of `added` to a tape of `before`. */
function rowsOf(before: Given | null, added: Given) {
  const all = tape(...(before === null ? [] : [before]), added);
  const run = before === null ? null : runOf(before);
  const events = all.slice(run?.head ?? 0);
  const after = events.reduce<Run | null>(evolve, run);
  if (after === null) throw new Error('The events begin no run.');
  return rowsOfAppend(run, after, events);
}

/** The changes that an append of `added` to a tape of `before` records, and the number of their statements. */
function changesOfAppend(before: Given | null, added: Given) {
  const groups = groupRows(rowsOf(before, added));
  const feed = groups.filter(({ sql }) => sql.startsWith('INSERT INTO "Activity"'));
  const kinds = feed.flatMap(({ rows }) => JSON.parse(rows).map(({ kind }: { kind: string }) => kind));
  return { statements: feed.length, isLast: groups.at(-1) === feed.at(-1), kinds };
}

const started: Given = [pending, status('PENDING', 'IN_PROGRESS', { turn: 1 })];

test('an append records its changes with one more statement, which is the last', () => {
  expect(changesOfAppend(null, started)).toEqual({
    statements: 1,
    isLast: true,
    kinds: ['RUN_CREATED', 'RUN_STATE_CHANGED'],
  });
  expect(changesOfAppend([started, context(1), output(1, { calls: ['c'] })], approvalRequest('c'))).toEqual({
    statements: 1,
    isLast: true,
    kinds: ['WAIT_OPENED'],
  });
});

test('the events of an answer record no change, and take no statement', () => {
  const { statements, kinds } = changesOfAppend(started, [context(1), output(1, { text: 'hello' })]);
  expect({ statements, kinds }).toEqual({ statements: 0, kinds: [] });
});

describe('the encrypted inputs of calls', () => {
  const masked = { password: '[masked password #0123456789ab]' };
  const requested = (...calls: [string, Json][]): Given => {
    const [answer] = output(1, { calls: calls.map(([callId]) => callId) });
    return [context(1), ...(answer ? [answer] : []), calls.map(([callId, input]) => toolCall(callId, 1, input))];
  };
  /** The calls whose encrypted inputs an append deletes. */
  const deletedBy = (before: Given | null, added: Given) =>
    rowsOf(before, added).flatMap(({ statement, row }) =>
      statement === deleteEncryptedInput('').statement ? [Object.values(row)] : [],
    );
  const calling: Given = [inProgress, requested(['a', masked], ['b', masked], ['c', { plain: 1 }])];

  test('are deleted with the results of the calls', () => {
    expect(deletedBy(calling, toolResult('a'))).toEqual([['a']]);
    expect(deletedBy(calling, [toolResult('b'), toolResult('c')])).toEqual([['b']]);
    expect(deletedBy(inProgress, [requested(['a', masked], ['b', masked]), toolResult('b')])).toEqual([['b']]);
  });

  test('of every call are deleted at the end of the run', () => {
    const end = status('IN_PROGRESS', 'CANCELLED', { reason: null });
    expect(deletedBy(calling, end)).toEqual([['a'], ['b']]);
    expect(deletedBy(inProgress, [requested(['a', masked]), end])).toEqual([['a']]);
  });

  test('stay while the calls are open', () => {
    expect(deletedBy(calling, toolResult('c'))).toEqual([]);
    expect(deletedBy(calling, status('IN_PROGRESS', 'AWAITING_APPROVAL'))).toEqual([]);
    expect(deletedBy(inProgress, requested(['a', masked]))).toEqual([]);
    expect(deletedBy(null, pending)).toEqual([]);
  });
});
