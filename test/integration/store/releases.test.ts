import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { verifyDatabase } from '../../../src/server/commands/verify.ts';
import { DecideApprovalDocument, SessionByIdDocument, SessionsDocument } from '../../generated/graphql.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';
import { releaseEnvironment, releaseFile, releaseTools } from '../../releases/conversation.ts';
import { readContents, releaseNames, restorePostgres, restoreSqlite } from '../../releases/stored-databases.ts';
import { converse, follow, runById } from '../conversation.ts';
import { startTestGateway } from '../gateway.ts';

/** A database as the release left it. */
async function restore(release: string): Promise<string> {
  if (inject('store') === 'postgresql') {
    const { url: admin } = inject('postgres');
    const { url, name } = await createDatabase(admin);
    onTestFinished(() => dropDatabase(admin, name));
    await restorePostgres(release, url);
    return url;
  }
  const folder = await mkdtemp(join(tmpdir(), 'runtape-release-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'runtape.db');
  await restoreSqlite(release, path);
  return `file:${path}`;
}

test('the databases of the current release are kept', () => {
  expect(releaseNames).toContain(packageJson.version);
});

/** What `verify` prints about faults. */
async function faultsOf(databaseUrl: string): Promise<string[]> {
  const lines: string[] = [];
  const { faults } = await verifyDatabase({ databaseUrl, signingKey: null }, {}, (line) => lines.push(line));
  return faults === 0 ? [] : lines;
}

test.each(releaseNames)(
  'B110: a server migrates a database of release %s, and reads, follows, continues and verifies everything in it',
  async (release) => {
    const url = await restore(release);
    const contents = await readContents(release, inject('store'));
    const options = { file: releaseFile, tools: releaseTools, environment: releaseEnvironment };
    const { client, gateway } = await startTestGateway(options, url);
    const { reader } = gateway.parts.database;
    expect(await faultsOf(url)).toEqual([]);

    for (const session of contents.sessions) {
      expect((await client.send(SessionByIdDocument, { id: session.id })).session).toMatchObject(session);
    }
    for (const { id, text } of contents.memories) {
      expect(await reader.memory.findUnique({ where: { id } })).toMatchObject({ text });
    }
    const isTerminal = (state: string) => ['DONE', 'FAILED', 'CANCELLED'].includes(state);
    for (const { id, state, input, output, errorCode, hashes } of contents.runs.filter((run) =>
      isTerminal(run.state),
    )) {
      const run = await runById(client, id);
      expect(run).toMatchObject({ state, input, output });
      expect(run.error?.code ?? null).toBe(errorCode);
      expect((await follow(client, id)).map(({ hash }) => hash)).toEqual(hashes);
    }
    const texts = await reader.storedText.findMany();
    expect(texts.map(({ content }) => JSON.parse(content).length)).toEqual([36_000]);
    const found = await client.send(SessionsDocument, { filter: { search: 'counted' } });
    expect(found.sessions.edges.length).toBeGreaterThan(0);

    const waiting = contents.runs.filter(({ state }) => state === 'AWAITING_APPROVAL');
    expect(waiting).toHaveLength(2);
    for (const { id } of waiting) {
      const [approval] = (await runById(client, id)).pendingApprovals;
      const decision = { approvalId: approval?.id ?? '', decision: 'ALLOW' } as const;
      const { decideApproval } = await client.send(DecideApprovalDocument, { input: decision });
      expect(decideApproval.__typename).toBe('DecideApprovalSuccess');
    }
    const open = contents.runs.filter(({ state }) => !isTerminal(state));
    for (const { id, state, hashes } of open) {
      const events = await follow(client, id);
      expect(events.at(-1), id).toMatchObject({ to: 'DONE' });
      expect(events.slice(0, hashes.length).map(({ hash }) => hash)).toEqual(hashes);
      if (state === 'IN_PROGRESS') expect(events.map(({ type }) => type)).toContain('RESUMPTION');
      if (state === 'AWAITING_APPROVAL') expect((await runById(client, id)).output).toContain('published ');
    }
    const { run } = await converse(client, { sessionKey: 'branch', text: 'And again' });
    expect(run.state).toBe('DONE');
    expect(await faultsOf(url)).toEqual([]);
  },
);
