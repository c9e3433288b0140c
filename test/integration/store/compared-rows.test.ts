import { expect, test } from 'vitest';
import type { Client } from '../../../src/database/database.ts';
import type { AttachmentUse, Passage, Run, RunMetadata, Wait } from '../../../src/database/generated/sqlite/client.ts';
import { createRowComparison } from '../../../src/run-store/compare-with-tapes.ts';
import { upload } from '../attachments/uploads.ts';
import { decideNextApproval, follow, send } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';

/** A wrong value for each column that is compared. Keys of rows are tested apart: a row with another key is another row. */
type WrongValues<Row, Key extends keyof Row> = { [Column in Exclude<keyof Row, Key>]: Row[Column] };

const at = new Date('2001-02-03T04:05:06.007Z');

const run: WrongValues<Run, 'id' | 'sessionId'> = {
  state: 'CANCELLED',
  turn: 77,
  urgent: true,
  input: 'wrong',
  output: 'wrong',
  outputTextId: 'wrong',
  finishReason: 'wrong',
  errorCode: 'wrong',
  errorMessage: 'wrong',
  errorRetryable: true,
  cancelReason: 'wrong',
  agentId: 'wrong',
  agentVersion: 77,
  model: 'wrong',
  retryOf: 'wrong',
  createdAt: at,
  startedAt: at,
  endedAt: at,
  steps: 77,
  resumptions: 77,
  inputTokens: 77,
  outputTokens: 77,
  usageEstimated: true,
  cost: 7.7,
  metadata: '{"wrong":"wrong"}',
  hasResult: true,
};

const wait: WrongValues<Wait, 'id' | 'runId'> = {
  kind: 'QUESTION',
  sessionId: 'wrong',
  requestSeq: 77,
  status: 'EXPIRED',
  requestedAt: at,
  expiresAt: at,
  decidedAt: at,
  decidedBy: 'wrong',
  reason: 'wrong',
  callId: 'wrong',
  tool: 'wrong',
  callSeq: 77,
  definitionHash: 'wrong',
  editedInput: '"wrong"',
  scope: 'TIMEBOXED',
  grantId: 'wrong',
};

const metadata: WrongValues<RunMetadata, 'runId'> = { digest: 'wrong', owner: 'wrong' };
const use: WrongValues<AttachmentUse, 'runId' | 'attachmentId'> = { seq: 77, position: 77 };
const passage: WrongValues<Passage, 'id' | 'sourceId'> = {
  seq: 77,
  part: 77,
  start: 77,
  sessionId: null,
  words: 'wrong',
};

test('B113: verify names a change of every column of every row that is folded from a tape', async () => {
  const { client, gateway } = await startTestGateway({ tools: [countedTool({ risk: 'HIGH' })] });
  const { database, journal } = gateway.parts;
  const file = await upload(gateway, 'notes');
  const text = calling(['count', { word: 'tea' }]);
  const message = { sessionKey: 'k', text, attachmentIds: [file.id], metadata: { kind: 'test' } };
  const { run: sent } = await send(client, message);
  await decideNextApproval(client, sent.id, 'ALLOW');
  await follow(client, sent.id);
  const ofRun = { runId: sent.id };
  const compare = () => createRowComparison(database, journal).compareRun(sent.id);
  expect(await compare()).toEqual([]);

  const unnoticed: string[] = [];
  /** Changes one column after another, and changes each back. */
  async function tryColumns<Row extends object>(
    table: string,
    wrong: Partial<Row>,
    read: (client: Client) => Promise<Row>,
    write: (client: Client, data: Partial<Row>) => Promise<unknown>,
  ): Promise<void> {
    const original = await read(database.reader);
    for (const column of Object.keys(wrong) as (keyof Row & string)[]) {
      const only = (row: Partial<Row>) => Object.fromEntries([[column, row[column]]]) as Partial<Row>;
      await database.write((writer) => write(writer, only(wrong)));
      const named = (await compare()).filter(({ row }) => row.startsWith(`${table} `));
      if (named.length === 0) unnoticed.push(`${table}.${column}`);
      await database.write((writer) => write(writer, only(original)));
    }
  }
  await tryColumns<Run>(
    'Run',
    run,
    ({ run }) => run.findUniqueOrThrow({ where: { id: sent.id } }),
    ({ run }, data) => run.updateMany({ where: { id: sent.id }, data }),
  );
  await tryColumns<Wait>(
    'Wait',
    wait,
    ({ wait }) => wait.findFirstOrThrow({ where: ofRun }),
    ({ wait }, data) => wait.updateMany({ where: ofRun, data }),
  );
  await tryColumns<RunMetadata>(
    'RunMetadata',
    metadata,
    ({ runMetadata }) => runMetadata.findFirstOrThrow({ where: ofRun }),
    ({ runMetadata }, data) => runMetadata.updateMany({ where: ofRun, data }),
  );
  await tryColumns<AttachmentUse>(
    'AttachmentUse',
    use,
    ({ attachmentUse }) => attachmentUse.findFirstOrThrow({ where: ofRun }),
    ({ attachmentUse }, data) => attachmentUse.updateMany({ where: ofRun, data }),
  );
  const { id } = await database.reader.passage.findFirstOrThrow({ where: { sourceId: sent.id } });
  await tryColumns<Passage>(
    'Passage',
    passage,
    ({ passage }) => passage.findUniqueOrThrow({ where: { id } }),
    ({ passage }, data) => passage.updateMany({ where: { id }, data }),
  );
  expect(unnoticed).toEqual([]);
  expect(await compare()).toEqual([]);
});
