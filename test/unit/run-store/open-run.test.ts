import { expect, test } from 'vitest';
import type { Client } from '../../../src/database/database.ts';
import { openRunOf } from '../../../src/projections/session-runs.ts';

test('B6: a run that starts between the two queries for an open run is found', async () => {
  const row = { id: 'run_1', state: 'PENDING' };
  const queriedStates: unknown[] = [];
  const query = (state: unknown, states: readonly string[]) => {
    queriedStates.push(state);
    const rows = states.includes(row.state) ? [{ ...row }] : [];
    row.state = 'IN_PROGRESS';
    return rows;
  };
  const run = {
    findFirst: async ({ where: { state } }: { where: { state: string } }) => query(state, [state])[0] ?? null,
    findMany: async ({ where: { state } }: { where: { state: { in: string[] } } }) => query(state, state.in),
  };
  const reader = { run } as unknown as Pick<Client, 'run'>;
  expect(await openRunOf(reader, 'ses_1')).toMatchObject({ id: 'run_1' });
  expect(queriedStates).toHaveLength(2);
});
