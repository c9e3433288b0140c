import { describe, expect, test } from 'vitest';
import {
  ArchiveSessionDocument,
  CancelRunDocument,
  CreateAgentDocument,
  MemoriesDocument,
  PurgeSessionDocument,
  RememberDocument,
  ResolveSessionDocument,
  RunTapeDocument,
  SessionByKeyDocument,
  UpdateSessionDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';

describe('a session', () => {
  test('B4: after a reset the model sees no earlier messages, and the tapes remain', async () => {
    const { client } = await startTestGateway();
    const before = await converse(client, { sessionKey: 'reset', text: '/say a secret' });
    const { resolveSession } = await client.send(ResolveSessionDocument, { input: { key: 'reset', reset: true } });
    expect(resolveSession).toMatchObject({ created: false, reset: true });
    const { run } = await converse(client, { sessionKey: 'reset', text: '/history' });
    expect(run.output).toBe('user: /history');
    const { run: old } = await client.send(RunTapeDocument, { id: before.runId });
    expect(old?.tape.nodes).toHaveLength(7);
  });

  test('B6: archiving frees the key of a session; repeating it succeeds; with an active run it is refused', async () => {
    const { client } = await startTestGateway();
    const { run, session } = await send(client, { sessionKey: 'archive', text: '/hang' });
    const archive = () => client.send(ArchiveSessionDocument, { input: { sessionId: session.id } });
    expect((await archive()).archiveSession).toMatchObject({
      __typename: 'SessionBusyError',
      activeRun: { id: run.id },
    });
    await client.send(CancelRunDocument, { input: { runId: run.id } });
    expect((await archive()).archiveSession.__typename).toBe('ArchiveSessionSuccess');
    expect((await archive()).archiveSession.__typename).toBe('ArchiveSessionSuccess');
    const fresh = await send(client, { sessionKey: 'archive', text: '/say new' });
    expect(fresh.session.id).not.toBe(session.id);
    await follow(client, fresh.run.id);
  });

  test('B7: a purge requires the key, leaves no row of the session, and does not affect others', async () => {
    const gateway = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
    const { client } = gateway;
    const other = await converse(client, { sessionKey: 'other', text: '/say stays' });
    const { run, session } = await send(client, {
      sessionKey: 'purge',
      text: calling(['count', { word: 'zyzzyva' }]),
      idempotencyKey: 'k',
    });
    await decideNextApproval(client, run.id, 'ALLOW');
    await follow(client, run.id);
    await client.send(RememberDocument, { input: { text: 'Only here: quokka.', sessionId: session.id } });
    expect(await tablesWith(gateway, 'zyzzyva')).toContain('Passage');
    expect(await tablesWith(gateway, session.id)).not.toEqual([]);
    const purge = (confirmKey: string) =>
      client.send(PurgeSessionDocument, { input: { sessionId: session.id, confirmKey } });
    expect((await purge('wrong')).purgeSession.__typename).toBe('ConflictError');
    expect((await purge('purge')).purgeSession).toMatchObject({ purgedSessionId: session.id, purgedRuns: 1 });
    // The feed of changes and the audit log keep ids, kinds and times until their retention ends. The record of the purge remains.
    expect((await tablesWith(gateway, session.id)).sort()).toEqual(['Activity', 'PurgedSession']);
    expect((await tablesWith(gateway, run.id)).sort()).toEqual(['Activity', 'AuditEntry']);
    for (const word of ['zyzzyva', 'quokka']) expect(await tablesWith(gateway, word)).toEqual([]);
    const { run: untouched } = await client.send(RunTapeDocument, { id: other.runId });
    expect(untouched?.tape.nodes).toHaveLength(7);
    const again = await send(client, { sessionKey: 'purge', text: '/say anew', idempotencyKey: 'k' });
    expect(again.created).toBe(true);
    await follow(client, again.run.id);
  });

  test('B9: a session keeps the title that a client set', async () => {
    const { client } = await startTestGateway();
    const titleOf = async (key: string) => (await client.send(SessionByKeyDocument, { key })).session?.title;
    await client.send(ResolveSessionDocument, { input: { key: 'titled', title: 'By hand' } });
    await converse(client, { sessionKey: 'titled', text: 'A first message' });
    expect(await titleOf('titled')).toBe('By hand');
    await converse(client, { sessionKey: 'derived', text: 'A first message\nof two lines' });
    await converse(client, { sessionKey: 'derived', text: 'A second message' });
    expect(await titleOf('derived')).toBe('A first message');
    const { session } = await client.send(SessionByKeyDocument, { key: 'derived' });
    await client.send(UpdateSessionDocument, { input: { sessionId: session?.id ?? '', title: 'Renamed' } });
    await converse(client, { sessionKey: 'derived', text: 'A third message' });
    expect(await titleOf('derived')).toBe('Renamed');
  });
});

describe('agents and memories of a session', () => {
  test('the agent determines the instructions and tools of the model', async () => {
    const { client } = await startTestGateway({ tools: [countedTool(), countedTool({ name: 'hidden' })] });
    const input = { name: 'clerk', instructions: 'Count everything.', tools: ['count'] };
    const { createAgent } = await client.send(CreateAgentDocument, { input });
    if (createAgent.__typename !== 'CreateAgentSuccess') throw new Error(createAgent.__typename);
    const agentId = createAgent.agent.id;
    const told = await converse(client, { sessionKey: 'agent', text: '/instructions\n/tools', agentId });
    expect(told.run.output).toContain('Count everything.');
    expect(told.run.output).toContain('count');
    expect(told.run.output).not.toContain('hidden');
    const again = await client.send(CreateAgentDocument, { input });
    expect(again.createAgent.__typename).toBe('ConflictError');
  });

  test('memories are found by their words, only in their session', async () => {
    const { client, clientOf } = await startTestGateway();
    await client.send(RememberDocument, { input: { text: 'The tea is green.', tags: ['tea'] } });
    await client.send(RememberDocument, { input: { text: 'The bus is late.' } });
    const search = async (by: typeof client, query: string) =>
      (await by.send(MemoriesDocument, { query })).memories.edges.map(({ node }) => node.text);
    expect(await search(client, 'green tea?')).toEqual(['The tea is green.']);
    expect(await search(client, '%_*"\'()')).toEqual([]);
    expect(await search(clientOf('bob'), 'green tea')).toEqual([]);
  });
});

/** The tables that contain this text, including the internal tables of full-text indexes. */
async function tablesWith({ gateway }: TestGateway, text: string): Promise<string[]> {
  const { reader, provider } = gateway.parts.database;
  const tables = await reader.$queryRawUnsafe<{ name: string }[]>(
    provider === 'sqlite'
      ? "SELECT name FROM sqlite_master WHERE type = 'table'"
      : "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const columns = await reader.$queryRawUnsafe<{ name: string }[]>(
      provider === 'sqlite'
        ? `SELECT name FROM pragma_table_info('${name}')`
        : `SELECT column_name AS name FROM information_schema.columns WHERE table_name = '${name}'`,
    );
    // As bytes: the tables of a full-text index hold values of every kind.
    const asText = columns.map((column) =>
      provider === 'sqlite'
        ? `hex(CAST("${column.name}" AS BLOB))`
        : `encode(convert_to("${column.name}"::text, 'UTF8'), 'hex')`,
    );
    const rows = await reader.$queryRawUnsafe<{ bytes: string }[]>(
      `SELECT ${asText.map((value) => `coalesce(${value}, '')`).join(" || '00' || ")} AS bytes FROM "${name}"`,
    );
    if (rows.some(({ bytes }) => Buffer.from(bytes, 'hex').toString('latin1').includes(text))) found.push(name);
  }
  return found;
}
