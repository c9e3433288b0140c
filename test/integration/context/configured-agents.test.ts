import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  AgentByIdDocument,
  CreateAgentDocument,
  DeleteAgentDocument,
  UpdateAgentDocument,
} from '../../generated/graphql.ts';
import { converse } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';
import { contextOf, createAgent } from './session-operations.ts';

const clerk = { owner: 'ada', name: 'clerk', instructions: 'Be brief.' };

async function agentsOf(client: TestClient) {
  const query = '{ agents { nodes { id name version isDefault isConfigured instructions model } } }';
  const { body } = await client.post({ query });
  return (body.data as { agents: { nodes: { id: string; name: string; version: number }[] } }).agents.nodes;
}

describe('agents of the configuration', () => {
  test('are stored at the start, for their owners, with versions', async () => {
    const file = {
      agents: [
        { ...clerk, tools: ['clock'], limits: { maxSteps: 3 }, outputSchema: { type: 'object' }, default: true },
        { ...clerk, owner: 'bob' },
      ],
    };
    const { client, clientOf, restart } = await startTestGateway({ file });
    const [agent] = await agentsOf(client);
    expect(agent).toMatchObject({ name: 'clerk', version: 1, isDefault: true, isConfigured: true });
    expect(await agentsOf(clientOf('bob'))).toMatchObject([{ name: 'clerk', isDefault: false }]);
    expect(await agentsOf(clientOf('eve'))).toEqual([]);
    const { agent: whole } = await client.send(AgentByIdDocument, { id: agent?.id ?? '' });
    expect(whole).toMatchObject({ tools: ['clock'], limits: { maxSteps: 3, maxCost: null } });
    const again = await restart({ file });
    expect(await agentsOf(again.client)).toEqual([agent]);
  });

  test('get a new version at a reload if they differ; sessions of a removed one go on', async () => {
    const { client, reload } = await startTestGateway({ file: { agents: [clerk] } });
    const [agent] = await agentsOf(client);
    const agentId = agent?.id ?? '';
    const say = { sessionKey: 's', text: '/instructions' };
    expect((await converse(client, { ...say, agentId })).run.output).toContain('Be brief.');
    expect(await reload({ agents: [{ ...clerk, instructions: 'Be long.' }] })).toMatchObject({ reloaded: ['agents'] });
    const second = await converse(client, { ...say, agentId });
    expect(second.run.output).toContain('Be long.');
    expect(await contextOf(client, second.runId)).toMatchObject({ agentVersion: 2 });
    expect(await reload({})).toMatchObject({ ok: true });
    expect(await agentsOf(client)).toMatchObject([{ id: agentId, version: 2, isConfigured: false }]);
    expect((await converse(client, { ...say, agentId })).run.output).toContain('Be long.');
    const { updateAgent } = await client.send(UpdateAgentDocument, { input: { agentId, instructions: 'Mine.' } });
    expect(updateAgent.__typename).toBe('UpdateAgentSuccess');
  });

  test('cannot be changed or deleted by clients, and take over an agent of the same name', async () => {
    const { client, reload } = await startTestGateway();
    const own = await createAgent(client, { name: 'clerk', instructions: 'Mine.' });
    const other = await createAgent(client, { name: 'other', instructions: 'Mine too.' });
    expect(await reload({ agents: [clerk] })).toMatchObject({ ok: true });
    expect(await agentsOf(client)).toMatchObject([
      { id: own.id, version: 2, instructions: 'Be brief.', isConfigured: true },
      { id: other.id, version: 1, isConfigured: false },
    ]);
    const refused = {
      __typename: 'ConflictError',
      message: expect.stringContaining('is defined in the configuration file of the gateway'),
    };
    const update = (input: object) => client.send(UpdateAgentDocument, { input: { agentId: own.id, ...input } });
    for (const change of [
      { instructions: 'x' },
      { name: 'x' },
      { limits: {} },
      { clientTools: [], makeDefault: true },
    ]) {
      expect((await update(change)).updateAgent).toMatchObject(refused);
    }
    expect((await client.send(DeleteAgentDocument, { input: { agentId: own.id } })).deleteAgent).toMatchObject(refused);
    expect((await update({ makeDefault: true })).updateAgent.__typename).toBe('UpdateAgentSuccess');
    expect(await agentsOf(client)).toMatchObject([{ version: 2, isDefault: true }, { isDefault: false }]);
  });

  test('of which one is the default decide the default of their owner', async () => {
    const { client } = await startTestGateway({ file: { agents: [{ ...clerk, default: true }] } });
    const message = expect.stringContaining('makes "clerk" the default agent');
    const input = { name: 'other', instructions: '', makeDefault: true };
    expect((await client.send(CreateAgentDocument, { input })).createAgent).toMatchObject({
      __typename: 'ConflictError',
      message,
    });
    const other = await createAgent(client, { name: 'other', instructions: '' });
    const { updateAgent } = await client.send(UpdateAgentDocument, { input: { agentId: other.id, makeDefault: true } });
    expect(updateAgent).toMatchObject({ __typename: 'ConflictError', message });
    expect((await converse(client, { sessionKey: 's', text: '/instructions' })).run.output).toContain('Be brief.');
  });

  test.each([
    ['a long name', { name: 'x'.repeat(101) }, /^agents\.1\.name: must not be longer than 100 bytes/],
    [
      'a schema that cannot be checked',
      { outputSchema: { type: 'nonsense' } },
      /^agents\.1\.outputSchema: is not a JSON Schema/,
    ],
    [
      'a client tool with the name of another tool',
      { clientTools: [{ name: 'clock', description: 'x', inputSchema: { type: 'object' } }] },
      /^agents\.1\.clientTools\.0\.name: "clock" is a tool of the gateway/,
    ],
  ])('are stored all or none: not with %s', async (_what, change, problem) => {
    const agents = [clerk, { ...clerk, name: 'second', ...change }];
    const { client, reload } = await startTestGateway();
    expect(await reload({ agents, limits: { maxSteps: 1 } })).toEqual({
      ok: false,
      problems: [expect.stringMatching(problem)],
    });
    expect(await agentsOf(client)).toEqual([]);
    expect((await converse(client, { sessionKey: 's', text: '/call clock {}\n/then\n/say on' })).run.state).toBe(
      'DONE',
    );
    await expect(startTestGateway({ file: { agents } })).rejects.toThrow(problem);
  });

  test('are stored all or none: not with more versions than allowed', async () => {
    const { client, reload } = await startTestGateway({ file: { limits: { agentVersions: 1 } } });
    const agents = [{ ...clerk, owner: 'bob' }, clerk, { ...clerk, name: 'second' }];
    expect(await reload({ limits: { agentVersions: 1 }, agents })).toEqual({
      ok: false,
      problems: ['agents: 1 versions of agents of "ada" are stored, which is the limit. Raise limits.agentVersions'],
    });
    expect(await agentsOf(client)).toEqual([]);
    expect(await reload({ agents })).toMatchObject({ ok: true });
    expect(await agentsOf(client)).toHaveLength(2);
  });
});
