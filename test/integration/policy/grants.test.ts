import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/clock.ts';
import type { TestClient } from '../../client.ts';
import { RevokeGrantDocument, SessionByIdDocument } from '../../generated/graphql.ts';
import { follow, runById } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { callCount, decide } from './waiting-approvals.ts';

const tools = () => [countedTool({ risk: 'HIGH' })];

async function grantsOf(client: TestClient, id: string) {
  const { session } = await client.send(SessionByIdDocument, { id });
  return session?.grants ?? [];
}

describe('B39: a decision beyond one call', () => {
  test('B39: for the session is listed, holds in it alone, and asks again once it is revoked', async () => {
    const { client, clientOf } = await startTestGateway({ tools: tools() });
    const asked = await callCount(client, 'desk');
    await decide(client, asked.approvalId, { decision: 'ALLOW', scope: 'SESSION' });
    await follow(client, asked.runId);
    const [grant, ...others] = await grantsOf(client, asked.sessionId);
    expect(others).toEqual([]);
    expect(grant).toMatchObject({ tool: 'count', grantedBy: 'ada', expiresAt: null });
    const granted = await callCount(client, 'desk');
    expect(granted.approvalId).toBe(null);
    expect(granted.decision).toMatchObject({ effect: 'ALLOW', reason: expect.stringContaining('earlier approval') });
    expect((await callCount(client, 'other')).approvalId).not.toBe(null);
    // The same key of somebody else is another session.
    const bob = clientOf('bob');
    expect((await callCount(bob, 'desk')).approvalId).not.toBe(null);
    const input = { grantId: grant?.id ?? '' };
    expect((await bob.send(RevokeGrantDocument, { input })).revokeGrant.__typename).toBe('NotFoundError');
    expect((await callCount(client, 'desk')).approvalId).toBe(null);
    expect((await client.send(RevokeGrantDocument, { input })).revokeGrant.__typename).toBe('RevokeGrantSuccess');
    expect(await grantsOf(client, asked.sessionId)).toEqual([]);
    expect((await callCount(client, 'desk')).approvalId).not.toBe(null);
    expect((await client.send(RevokeGrantDocument, { input })).revokeGrant.__typename).toBe('NotFoundError');
  });

  test('B39: until a time holds until then, and is not listed afterwards', async () => {
    let ahead = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + ahead };
    const { client } = await startTestGateway({ tools: tools(), clock });
    const asked = await callCount(client, 'desk');
    const answer = { decision: 'ALLOW', scope: 'TIMEBOXED', expiresInSeconds: 3600 } as const;
    expect(await decide(client, asked.approvalId, answer)).toMatchObject({ approval: { scope: 'TIMEBOXED' } });
    await follow(client, asked.runId);
    expect(await grantsOf(client, asked.sessionId)).toMatchObject([{ tool: 'count', expiresAt: expect.any(String) }]);
    ahead = 3_500_000;
    expect((await callCount(client, 'desk')).approvalId).toBe(null);
    ahead = 3_601_000;
    expect((await callCount(client, 'desk')).approvalId).not.toBe(null);
    expect(await grantsOf(client, asked.sessionId)).toEqual([]);
  });

  test.each([
    [{ scope: 'TIMEBOXED' as const }, 'expiresInSeconds'],
    [{ scope: 'SESSION' as const, expiresInSeconds: 60 }, 'expiresInSeconds'],
    [{ scope: 'TIMEBOXED' as const, expiresInSeconds: 0 }, 'expiresInSeconds'],
  ])('B39: %j is refused, and the approval still waits', async (answer, path) => {
    const { client } = await startTestGateway({ tools: tools() });
    const asked = await callCount(client, 'desk');
    const refused = await decide(client, asked.approvalId, { decision: 'ALLOW', ...answer });
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', issues: [{ path: [path] }] });
    expect((await runById(client, asked.runId)).pendingApprovals).toHaveLength(1);
  });

  test('B39: ONCE and a denial leave nothing behind', async () => {
    const { client } = await startTestGateway({ tools: tools() });
    for (const decision of ['ALLOW', 'DENY'] as const) {
      const asked = await callCount(client, 'desk');
      await decide(client, asked.approvalId, { decision, scope: decision === 'DENY' ? 'SESSION' : 'ONCE' });
      await follow(client, asked.runId);
      expect(await grantsOf(client, asked.sessionId)).toEqual([]);
    }
  });
});
