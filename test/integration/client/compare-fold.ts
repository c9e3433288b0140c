import { expect } from 'vitest';
import type { RunSnapshot } from '../../../client/src/run/run-fold.ts';
import type { TestClient } from '../../client.ts';
import { runById } from '../conversation.ts';

/** Compares the client's fold of a run with the server's row. */
export async function expectRow(client: TestClient, snapshot: RunSnapshot): Promise<void> {
  const row = await runById(client, snapshot.id);
  const expected = {
    id: row.id,
    state: row.state,
    input: row.input,
    output: row.output,
    finishReason: row.finishReason,
    error: row.error,
    cancelReason: row.cancelReason,
    model: row.model,
    steps: row.steps,
    resumptions: row.resumptions,
    head: row.head,
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
    waits: row.pendingApprovals.map(({ id }) => id),
  };
  expect(snapshot).toMatchObject(expected);
  expect(row.usage).toMatchObject(snapshot.usage);
}
