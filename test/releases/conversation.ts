import { z } from 'zod';
import { readConfiguration } from '../../src/config/configuration.ts';
import { createLogger } from '../../src/logger.ts';
import { startGateway } from '../../src/server/gateway.ts';
import { defineTool } from '../../src/tools/tool.ts';
import { createTestClient, type TestClient } from '../client.ts';
import {
  BranchSessionDocument,
  CancelRunDocument,
  CompactSessionDocument,
  RememberDocument,
} from '../generated/graphql.ts';
import { converse, follow, send } from '../integration/conversation.ts';

/** The tool that the waiting run calls. A change of its definition withdraws the open approval. */
const releaseTool = defineTool({
  name: 'publish',
  description: 'Publishes a word.',
  input: z.strictObject({ word: z.string() }),
  risk: 'HIGH',
  idempotent: false,
  parallelSafe: false,
  timeoutSeconds: 60,
  execute: async ({ word }) => `published ${word}`,
});

/** Its output is too long for an event. */
const copyTool = defineTool({
  name: 'copy',
  description: 'Copies a word many times.',
  input: z.strictObject({ word: z.string() }),
  risk: 'LOW',
  idempotent: true,
  parallelSafe: true,
  timeoutSeconds: 60,
  execute: async ({ word }) => `${word} `.repeat(4_500),
});

export const releaseTools = [releaseTool, copyTool];

/** Encrypts the credentials of the waiting calls. */
export const releaseEnvironment = { RUNTAPE_SECRET_KEY: Buffer.alloc(32, 7).toString('base64') };

/** The waiting run must not expire before a later release reads it. */
export const releaseFile = {
  approvals: { expiresAfterSeconds: 100 * 365 * 24 * 60 * 60 },
  models: { scripted: { provider: 'scripted', paceMilliseconds: 0 } },
};

const publishing = (word: string) => `/call publish {"word":"${word}"}\n/then\n/echo`;

/** Writes the conversations that every later release must read into the database. */
export async function writeConversations(databaseUrl: string): Promise<void> {
  const environment = { DATABASE_URL: databaseUrl, PORT: '0', LOG_LEVEL: 'error', ...releaseEnvironment };
  const outcome = readConfiguration(environment, () => JSON.stringify(releaseFile));
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const scopes = ['read', 'write', 'approve', 'admin'] as const;
  await using gateway = await startGateway(outcome.configuration, createLogger('error'), {
    authenticate: () => ({ principal: 'ada', scopes: [...scopes] }),
    environment,
    tools: releaseTools,
  });
  await using client = createTestClient(gateway.url);
  await writeDone(client);
  await converse(client, { sessionKey: 'failed', text: '/fail MODEL_UNAVAILABLE' });
  await converse(client, { sessionKey: 'copies', text: '/call copy {"word":"harbour"}\n/then\n/say Copied.' });
  await suspend(client, 'waiting');
  await send(client, { sessionKey: 'waiting', text: '/say Queued.' });
  await suspend(client, 'credential', publishing('ghp_0123456789abcdefghijABCDEFGHIJ012345'));
  const cancelled = await suspend(client, 'cancelled');
  await client.send(CancelRunDocument, { input: { runId: cancelled } });
  await follow(client, cancelled);
}

/** Ended runs, a memory, a compaction, and a branch that has a run of its own. */
async function writeDone(client: TestClient): Promise<void> {
  const { session } = await send(client, { sessionKey: 'done', text: '/think Briefly.\n/words 3' });
  const runs = [];
  for (const text of ['Hello', '/usage 100 10\n/say Counted.', `Tell me more. ${'Much more. '.repeat(50)}`]) {
    runs.push(await converse(client, { sessionKey: 'done', text, idempotencyKey: text.slice(0, 5) }));
  }
  const { remember } = await client.send(RememberDocument, { input: { text: 'Ada likes tea.', tags: ['taste'] } });
  const { compactSession } = await client.send(CompactSessionDocument, { input: { sessionId: session.id } });
  const branch = { sessionId: session.id, runId: runs[0]?.runId ?? '', key: 'branch' };
  const { branchSession } = await client.send(BranchSessionDocument, { input: branch });
  for (const { __typename } of [remember, compactSession, branchSession]) {
    if (!__typename.endsWith('Success')) throw new Error(`The release data is incomplete: ${__typename}.`);
  }
  await converse(client, { sessionKey: 'branch', text: 'Hello again' });
}

/** Starts a run that waits for an approval. Returns its id. */
async function suspend(client: TestClient, sessionKey: string, text = publishing(sessionKey)): Promise<string> {
  const { run } = await send(client, { sessionKey, text });
  await follow(client, run.id, {
    isLast: (event) => event.__typename === 'StatusEvent' && event.to === 'AWAITING_APPROVAL',
  });
  return run.id;
}
