import { expect, test } from 'vitest';
import { groupRows } from '../../../src/database/batch-statement.ts';
import { evolve, type Run } from '../../../src/domain/run.ts';
import { rowsOfAppend } from '../../../src/run-store/append-rows.ts';
import { approvalRequest, context, type Given, output, pending, runOf, status, tape } from '../domain/given.ts';

/** The changes that an append of `added` to a tape of `before` records, and the number of their statements. */
function changesOfAppend(before: Given | null, added: Given) {
  const all = tape(...(before === null ? [] : [before]), added);
  const run = before === null ? null : runOf(before);
  const events = all.slice(run?.head ?? 0);
  const after = events.reduce<Run | null>(evolve, run);
  if (after === null) throw new Error('The events begin no run.');
  const groups = groupRows(rowsOfAppend(run, after, events));
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
