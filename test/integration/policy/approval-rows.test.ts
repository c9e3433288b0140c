import { expect, test } from 'vitest';
import { ApprovalsDocument } from '../../generated/graphql.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { callCount, decide } from './approvals.ts';

test('an approver sees the call of the tape, whatever the row of the approval says', async () => {
  const { client, gateway } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  const { approvalId } = await callCount(client, 'desk', 'real');
  await callCount(client, 'other', 'other');
  const { reader, write } = gateway.parts.database;
  const id = approvalId ?? '';
  const row = await reader.wait.findUniqueOrThrow({ where: { id } });
  const update = (data: object) => write((database) => database.wait.update({ where: { id }, data }));
  const shown = async () => {
    const { approvals } = await client.send(ApprovalsDocument, {});
    expect(approvals.edges).toHaveLength(2);
    return approvals.edges.find(({ node }) => node.id === id)?.node;
  };
  await update({ tool: 'harmless', callId: 'call_other' });
  expect(await shown()).toMatchObject({ tool: 'count', callId: row.callId, input: { word: 'real' }, risk: 'HIGH' });
  // A row that leads nowhere hides neither the other approvals nor that something is wrong.
  await update({ requestSeq: 1 });
  expect(await shown()).toMatchObject({
    input: {},
    risk: 'CRITICAL',
    summary: expect.stringContaining('The tape of the run does not have this request'),
  });
  await update(row);
  expect(await decide(client, id, { decision: 'DENY' })).toMatchObject({ approval: { input: { word: 'real' } } });
});
