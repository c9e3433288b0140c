import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/clock.ts';
import type { TestClient } from '../../client.ts';
import { RevokeGrantDocument, SessionByIdDocument } from '../../generated/graphql.ts';
import { follow, runById } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { callCount, decide } from './approvals.ts';

const tools = () => [countedTool({ risk: 'HIGH' })];

async function grantsOf(client: TestClient, id: string) {
  const { session } = await client.send(SessionByIdDocument, { id });
  return session?.grants ?? [];
}

describe('B39: a grant', () => {
  test('B39: for the session is listed, applies to no other session, and ends when it is revoked', async () => {
    const { client, clientOf } = await startTestGateway({ tools: tools() });
    const called = await callCount(client, 'desk');
    await decide(client, called.approvalId, { decision: 'ALLOW', scope: 'SESSION' });
    await follow(client, called.runId);
    const [grant, ...others] = await grantsOf(client, called.sessionId);
    expect(others).toEqual([]);
    expect(grant).toMatchObject({ tool: 'count', grantedBy: 'ada', expiresAt: null });
    const granted = await callCount(client, 'desk');
    expect(granted.approvalId).toBe(null);
    expect(granted.decision).toMatchObject({ effect: 'ALLOW', reason: expect.stringContaining('earlier approval') });
    expect((await callCount(client, 'other')).approvalId).not.toBe(null);
    // The same key of another principal is another session.
    const bob = clientOf('bob');
    expect((await callCount(bob, 'desk')).approvalId).not.toBe(null);
    const input = { grantId: grant?.id ?? '' };
    expect((await bob.send(RevokeGrantDocument, { input })).revokeGrant.__typename).toBe('NotFoundError');
    expect((await callCount(client, 'desk')).approvalId).toBe(null);
    expect((await client.send(RevokeGrantDocument, { input })).revokeGrant.__typename).toBe('RevokeGrantSuccess');
    expect(await grantsOf(client, called.sessionId)).toEqual([]);
    expect((await callCount(client, 'desk')).approvalId).not.toBe(null);
    expect((await client.send(RevokeGrantDocument, { input })).revokeGrant.__typename).toBe('NotFoundError');
  });

  test('B39: with a time applies until then, and is not listed afterwards', async () => {
    let offsetMilliseconds = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + offsetMilliseconds };
    const { client } = await startTestGateway({ tools: tools(), clock });
    const called = await callCount(client, 'desk');
    const decision = { decision: 'ALLOW', scope: 'TIMEBOXED', expiresInSeconds: 3600 } as const;
    expect(await decide(client, called.approvalId, decision)).toMatchObject({ approval: { scope: 'TIMEBOXED' } });
    await follow(client, called.runId);
    expect(await grantsOf(client, called.sessionId)).toMatchObject([{ tool: 'count', expiresAt: expect.any(String) }]);
    offsetMilliseconds = 3_500_000;
    expect((await callCount(client, 'desk')).approvalId).toBe(null);
    offsetMilliseconds = 3_601_000;
    expect((await callCount(client, 'desk')).approvalId).not.toBe(null);
    expect(await grantsOf(client, called.sessionId)).toEqual([]);
  });

  test.each([
    [{ scope: 'TIMEBOXED' as const }, 'expiresInSeconds'],
    [{ scope: 'SESSION' as const, expiresInSeconds: 60 }, 'expiresInSeconds'],
    [{ scope: 'TIMEBOXED' as const, expiresInSeconds: 0 }, 'expiresInSeconds'],
  ])('B39: is refused with %j, and the approval stays open', async (options, path) => {
    const { client } = await startTestGateway({ tools: tools() });
    const called = await callCount(client, 'desk');
    const refused = await decide(client, called.approvalId, { decision: 'ALLOW', ...options });
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', issues: [{ path: [path] }] });
    expect((await runById(client, called.runId)).pendingApprovals).toHaveLength(1);
  });

  test('B39: does not follow from ONCE or from a denial', async () => {
    const { client } = await startTestGateway({ tools: tools() });
    for (const decision of ['ALLOW', 'DENY'] as const) {
      const called = await callCount(client, 'desk');
      await decide(client, called.approvalId, { decision, scope: decision === 'DENY' ? 'SESSION' : 'ONCE' });
      await follow(client, called.runId);
      expect(await grantsOf(client, called.sessionId)).toEqual([]);
    }
  });
});
