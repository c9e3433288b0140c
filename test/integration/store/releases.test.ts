import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { DecideApprovalDocument } from '../../generated/graphql.ts';
import { createDatabase, dropDatabase } from '../../postgres/databases.ts';
import { assertFolded } from '../../projection-consistency.ts';
import { releaseFile, releaseTool } from '../../releases/conversation.ts';
import { releaseNames, restorePostgres, restoreSqlite } from '../../releases/stored-databases.ts';
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

test.each(releaseNames)(
  'a server opens a database of release %s, reads its tapes and resumes its run',
  async (release) => {
    const url = await restore(release);
    const { client, gateway } = await startTestGateway({ file: releaseFile, tools: [releaseTool] }, url);
    const { database, journal } = gateway.parts;
    await assertFolded(database, journal);
    const runs = await database.reader.run.findMany({ select: { id: true, state: true } });
    const states = runs.map(({ state }) => state).sort();
    expect(states).toEqual(['AWAITING_APPROVAL', 'CANCELLED', ...Array(5).fill('DONE'), 'FAILED']);
    for (const { id } of runs) expect(await journal.verify(id)).toMatchObject({ kind: 'intact' });
    expect(await database.reader.memory.count()).toBe(1);
    expect(await database.reader.compactionArtifact.count()).toBe(1);
    expect(await database.reader.session.count({ where: { parentId: { not: null } } })).toBe(1);

    const waitingId = runs.find(({ state }) => state === 'AWAITING_APPROVAL')?.id ?? '';
    const [approval] = (await runById(client, waitingId)).pendingApprovals;
    const decision = { approvalId: approval?.id ?? '', decision: 'ALLOW' } as const;
    const { decideApproval } = await client.send(DecideApprovalDocument, { input: decision });
    expect(decideApproval.__typename).toBe('DecideApprovalSuccess');
    const events = await follow(client, waitingId);
    expect(events.at(-1)).toMatchObject({ to: 'DONE' });
    expect((await runById(client, waitingId)).output).toContain('published waiting');
    expect(await journal.verify(waitingId)).toMatchObject({ kind: 'intact', runId: waitingId, events: events.length });

    const { run } = await converse(client, { sessionKey: 'branch', text: 'And again' });
    expect(run.state).toBe('DONE');
  },
);
