import { expect, test } from 'vitest';
import type { Client } from '../../../src/database/database.ts';
import { openRunOf } from '../../../src/projections/runs.ts';

test('B6: a run that starts while somebody looks for an open one is found', async () => {
  const row = { id: 'run_1', state: 'PENDING' };
  const statesAsked: unknown[] = [];
  const answer = (state: unknown, wanted: readonly string[]) => {
    statesAsked.push(state);
    const found = wanted.includes(row.state) ? [{ ...row }] : [];
    row.state = 'IN_PROGRESS';
    return found;
  };
  const run = {
    findFirst: async ({ where: { state } }: { where: { state: string } }) => answer(state, [state])[0] ?? null,
    findMany: async ({ where: { state } }: { where: { state: { in: string[] } } }) => answer(state, state.in),
  };
  const reader = { run } as unknown as Pick<Client, 'run'>;
  expect(await openRunOf(reader, 'ses_1')).toMatchObject({ id: 'run_1' });
  expect(statesAsked).toHaveLength(2);
});
