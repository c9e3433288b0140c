import { describe, expect, test } from 'vitest';
import {
  BranchSessionDocument,
  PurgeSessionDocument,
  ResolveSessionDocument,
  RunTapeDocument,
  SessionLineageDocument,
} from '../../generated/graphql.ts';
import { converse, follow, runById, send } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { branch, contextOf } from './session-operations.ts';

type Client = TestGateway['client'];

async function say(client: Client, target: { sessionId?: string; sessionKey?: string }, ...texts: string[]) {
  const runIds: string[] = [];
  let sessionId = '';
  for (const text of texts) {
    const sent = await send(client, { ...target, text: `/say ${text}` });
    await follow(client, sent.run.id);
    runIds.push(sent.run.id);
    sessionId = sent.session.id;
  }
  return { sessionId, runIds };
}

/** The model's earlier responses that it is shown in the session. */
async function responsesSeenIn(client: Client, sessionId: string): Promise<string[]> {
  const { run } = await converse(client, { sessionId, text: '/history' });
  return (run.output ?? '').split('\n').flatMap((line) => /^assistant: (.*)$/.exec(line)?.[1] ?? []);
}

describe('B8: a branch', () => {
  test('shows what the parent saw up to the branch point, through three generations, and nothing later', async () => {
    const { client } = await startTestGateway();
    const parent = await say(client, { sessionKey: 'parent' }, 'p1', 'p2', 'p3');
    const [, p2 = ''] = parent.runIds;
    const before = await client.send(RunTapeDocument, { id: p2 });
    const child = await branch(client, { sessionId: parent.sessionId, runId: p2, title: 'Child' });
    const { runIds } = await say(client, { sessionId: child }, 'c1', 'c2');
    const [c1 = ''] = runIds;
    const grandchild = await branch(client, { sessionId: child, runId: c1 });
    await say(client, { sessionId: grandchild }, 'g1');
    await say(client, { sessionId: parent.sessionId }, 'p4');
    expect(await responsesSeenIn(client, grandchild)).toEqual(['p1', 'p2', 'c1', 'g1']);
    expect(await responsesSeenIn(client, child)).toEqual(['p1', 'p2', 'c1', 'c2']);
    expect(await responsesSeenIn(client, parent.sessionId)).toEqual(['p1', 'p2', 'p3', 'p4']);
    const [p1 = ''] = parent.runIds;
    const early = await branch(client, { sessionId: grandchild, runId: p1 });
    expect(await responsesSeenIn(client, early)).toEqual(['p1']);
    expect(await client.send(RunTapeDocument, { id: p2 })).toEqual(before);
    const { session } = await client.send(SessionLineageDocument, { id: child });
    expect(session).toMatchObject({
      parent: { id: parent.sessionId },
      branchPoint: { run: { id: p2 } },
      title: 'Child',
    });
    expect(session?.branchPoint?.seq).toBe((await runById(client, p2)).head);
    expect(session?.branches.nodes).toEqual([{ id: grandchild }]);
  });

  test('is cut between messages: a call is never shown without its result', async () => {
    const { client } = await startTestGateway({ tools: [countedTool()] });
    const { runId, events } = await converse(client, {
      sessionKey: 'cut',
      text: '/say one\n/call count {"word":"a"}\n/then\n/say two',
    });
    const { run } = await client.send(RunTapeDocument, { id: runId });
    const seqOf = (type: string) => run?.tape.nodes.find((event) => event.type === type)?.seq ?? 0;
    const later = await send(client, { sessionKey: 'cut', text: '/say later' });
    await follow(client, later.run.id);
    const rolesAt = async (seq: number) => {
      const id = await branch(client, { sessionId: later.session.id, runId, seq });
      const next = await converse(client, { sessionId: id, text: '/say x' });
      return (await contextOf(client, next.runId)).contextAt.messages.map(({ role }) => role);
    };
    expect(await rolesAt(seqOf('TOOL_CALL'))).toEqual(['USER', 'USER']);
    expect(await rolesAt(seqOf('TOOL_RESULT'))).toEqual(['USER', 'ASSISTANT', 'TOOL', 'USER']);
    expect(await rolesAt(events.length)).toEqual(['USER', 'ASSISTANT', 'TOOL', 'ASSISTANT', 'USER']);
    for (const seq of [0, events.length + 1]) {
      const input = { sessionId: later.session.id, runId, seq };
      const { branchSession } = await client.send(BranchSessionDocument, { input });
      expect(branchSession.__typename).toBe('InvalidInputError');
    }
  });

  test('is refused at a run that has not ended, is not visible or belongs to another owner, and if the key is taken', async () => {
    const { client, clientOf } = await startTestGateway();
    const parent = await say(client, { sessionKey: 'refuse' }, 'a', 'b');
    const [first = '', second = ''] = parent.runIds;
    const outcome = async (by: Client, sessionId: string, runId: string, key?: string) =>
      (await by.send(BranchSessionDocument, { input: { sessionId, runId, key } })).branchSession.__typename;
    const { run } = await send(client, { sessionKey: 'refuse', text: '/hang' });
    expect(await outcome(client, parent.sessionId, run.id)).toBe('InvalidTransitionError');
    const child = await branch(client, { sessionId: parent.sessionId, runId: first });
    expect(await outcome(client, child, second)).toBe('NotFoundError');
    expect(await outcome(clientOf('bob'), parent.sessionId, first)).toBe('NotFoundError');
    expect(await outcome(client, parent.sessionId, first, 'refuse')).toBe('ConflictError');
    await send(client, { sessionKey: 'refuse', text: '/say go on', whenBusy: 'INTERRUPT' }).then(({ run: next }) =>
      follow(client, next.id),
    );
  });

  test('B4: can be reset, and respects a reset of its parent', async () => {
    const { client } = await startTestGateway();
    const parent = await say(client, { sessionKey: 'reset' }, 'before');
    await client.send(ResolveSessionDocument, { input: { key: 'reset', reset: true } });
    const after = await say(client, { sessionKey: 'reset' }, 'after');
    const child = await branch(client, { sessionId: parent.sessionId, runId: after.runIds[0] ?? '' });
    expect(await responsesSeenIn(client, child)).toEqual(['after']);
    const fresh = await branch(client, { sessionId: parent.sessionId, runId: after.runIds[0] ?? '', key: 'fresh' });
    await client.send(ResolveSessionDocument, { input: { id: fresh, reset: true } });
    expect(await responsesSeenIn(client, fresh)).toEqual([]);
  });

  test('B7: prevents the purge of its parent, unless branches are purged too', async () => {
    const gateway = await startTestGateway();
    const { client } = gateway;
    const parent = await say(client, { sessionKey: 'purge' }, 'a');
    const child = await branch(client, { sessionId: parent.sessionId, runId: parent.runIds[0] ?? '' });
    const { runIds } = await say(client, { sessionId: child }, 'b');
    await branch(client, { sessionId: child, runId: runIds[0] ?? '' });
    const purge = (withBranches: boolean) =>
      client.send(PurgeSessionDocument, { input: { sessionId: parent.sessionId, confirmKey: 'purge', withBranches } });
    const { purgeSession } = await purge(false);
    expect(purgeSession).toMatchObject({ __typename: 'ConflictError', message: expect.stringContaining('2 branches') });
    expect((await purge(true)).purgeSession).toMatchObject({ __typename: 'PurgeSessionSuccess', purgedRuns: 2 });
    const { reader } = gateway.gateway.parts.database;
    expect([await reader.session.count(), await reader.run.count(), await reader.event.count()]).toEqual([0, 0, 0]);
  });
});
