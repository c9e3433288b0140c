import { expect, test } from 'vitest';
import { CancelRunDocument, DecideApprovalDocument } from '../../generated/graphql.ts';
import { follow, runById, send, typesOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

const ROUNDS = 40;
const isEnd = (to: string) => ['DONE', 'FAILED', 'CANCELLED'].includes(to);

test('B13: of a concurrent completion and cancellation exactly one wins', async () => {
  const { client } = await startTestGateway();
  const ends = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    // In one of eight rounds the run cannot complete, in another it has completed before; in the others either may win.
    const words = round % 8;
    const { run } = await send(client, {
      sessionKey: `race-${round}`,
      text: words === 7 ? '/hang' : `/pace 1\n/words ${words}`,
    });
    const awaited = words === 0 ? ['DONE'] : ['IN_PROGRESS', 'DONE'];
    await until(async () => awaited.includes((await runById(client, run.id)).state));
    const cancelling = client.send(CancelRunDocument, { input: { runId: run.id } });
    const events = await follow(client, run.id);
    const { cancelRun } = await cancelling;
    const statuses = events.flatMap((event) => (event.__typename === 'StatusEvent' ? [event.to] : []));
    expect(statuses.filter(isEnd)).toHaveLength(1);
    expect(statuses.at(-1)).toBe(cancelRun.__typename === 'CancelRunSuccess' ? 'CANCELLED' : 'DONE');
    expect(typesOf(events).at(-1)).toBe('STATUS');
    ends.set(statuses.at(-1) ?? '', (ends.get(statuses.at(-1) ?? '') ?? 0) + 1);
  }
  expect(ends.get('CANCELLED')).toBeGreaterThanOrEqual(ROUNDS / 8);
  expect(ends.get('DONE')).toBeGreaterThanOrEqual(ROUNDS / 8);
});

test('B13: two cancellations and a decision of a waiting run have one winner', async () => {
  const tool = countedTool({ risk: 'HIGH' });
  const { client } = await startTestGateway({ tools: [tool] });
  for (let round = 0; round < ROUNDS; round += 1) {
    const { run } = await send(client, { sessionKey: `wait-${round}`, text: calling(['count', { word: `${round}` }]) });
    const { pendingApprovals } = await until(async () => {
      const now = await runById(client, run.id);
      return now.state === 'AWAITING_APPROVAL' && now;
    });
    const input = { approvalId: pendingApprovals[0]?.id ?? '', decision: 'ALLOW' } as const;
    const [decided] = await Promise.all([
      client.send(DecideApprovalDocument, { input }),
      client.send(CancelRunDocument, { input: { runId: run.id } }),
      client.send(CancelRunDocument, { input: { runId: run.id } }),
    ]);
    const events = await follow(client, run.id);
    const statuses = events.flatMap((event) => (event.__typename === 'StatusEvent' ? [event.to] : []));
    expect(statuses.filter(isEnd)).toHaveLength(1);
    const decisions = events.flatMap((event) => (event.__typename === 'ApprovalDecisionEvent' ? [event.status] : []));
    const allowed = decided.decideApproval.__typename === 'DecideApprovalSuccess';
    expect(decisions).toEqual([allowed ? 'ALLOWED' : 'WITHDRAWN']);
    if (!allowed) expect(typesOf(events)).not.toContain('TOOL_START');
  }
});
