import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { RunByIdDocument } from '../../generated/graphql.ts';
import { follow, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { callCount, decide } from './approvals.ts';

/** Hosts of this domain do not exist, so no request is sent. */
const host = 'example.invalid';

/** Calls `http_fetch`. Returns the approval that is requested, if one is. */
async function fetching(client: TestClient, input: { url: string; method?: string }) {
  const { run } = await send(client, { sessionKey: 'desk', text: calling(['http_fetch', input]) });
  const events = await follow(client, run.id, { isLast: ({ type }) => type === 'APPROVAL_REQUEST' });
  const { run: shown } = await client.send(RunByIdDocument, { id: run.id });
  const [approval = null] = events.at(-1)?.type === 'APPROVAL_REQUEST' ? (shown?.pendingApprovals ?? []) : [];
  return { approval, runId: run.id };
}

describe('the target of a call', () => {
  test('is shown first and in full: method, scheme, punycode host and path', async () => {
    const { client } = await startTestGateway();
    const url = `https://user-accounts-\u0435xample.${'long-'.repeat(9)}name.${host}:8443/a/../b?q=1`;
    const { approval } = await fetching(client, { url, method: 'PUT' });
    const { origin, pathname } = new URL(url);
    expect(origin).toContain('xn--');
    expect(approval?.target).toBe(`PUT ${origin}${pathname}`);
    expect(approval?.summary).toMatch(/^http_fetch PUT https:\/\/xn--/);
    expect(approval?.summary).toContain(`.${host}:8443/b (method: "PUT", url: "`);
  });

  test('is null for a tool without targets, and no grant can be bound to it', async () => {
    const { client } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
    const { approvalId } = await callCount(client, 'desk');
    for (const scope of ['SESSION', 'ONCE'] as const) {
      const refused = await decide(client, approvalId, { decision: 'ALLOW', scope, bindToTarget: true });
      expect(refused).toMatchObject({ __typename: 'InvalidInputError', issues: [{ path: ['bindToTarget'] }] });
    }
  });
});

describe('B101: a grant that is bound to a target', () => {
  test('covers other paths of its method and origin, and nothing else', async () => {
    const { client } = await startTestGateway();
    const { approval, runId } = await fetching(client, { url: `https://API.${host}/one` });
    const decided = await decide(client, approval?.id ?? null, {
      decision: 'ALLOW',
      scope: 'SESSION',
      bindToTarget: true,
    });
    expect(decided).toMatchObject({ approval: { grant: { target: `GET https://api.${host}` } } });
    await follow(client, runId);
    expect((await fetching(client, { url: `https://api.${host}:443/two?x=1` })).approval).toBe(null);
    for (const other of [
      { url: `https://api.${host}/one`, method: 'POST' },
      { url: `http://api.${host}/one` },
      { url: `https://api.${host}:8443/one` },
      { url: `https://www.api.${host}/one` },
      { url: `https://api.${host}.evil.invalid/one` },
    ]) {
      const { approval: asked } = await fetching(client, other);
      expect(asked, JSON.stringify(other)).not.toBe(null);
      await decide(client, asked?.id ?? null, { decision: 'DENY' });
    }
  });

  test('is bound to the target of the edited input', async () => {
    const { client } = await startTestGateway();
    const { approval, runId } = await fetching(client, { url: `https://a.${host}/` });
    const decided = await decide(client, approval?.id ?? null, {
      decision: 'ALLOW',
      scope: 'SESSION',
      bindToTarget: true,
      editedInput: { url: `https://b.${host}/` },
    });
    expect(decided).toMatchObject({ approval: { grant: { target: `GET https://b.${host}` } } });
    await follow(client, runId);
    expect((await fetching(client, { url: `https://a.${host}/` })).approval).not.toBe(null);
  });

  test('without bindToTarget covers every target', async () => {
    const { client } = await startTestGateway();
    const { approval, runId } = await fetching(client, { url: `https://a.${host}/` });
    await decide(client, approval?.id ?? null, { decision: 'ALLOW', scope: 'SESSION' });
    await follow(client, runId);
    expect((await fetching(client, { url: `https://b.${host}/`, method: 'POST' })).approval).toBe(null);
  });
});
