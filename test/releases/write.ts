import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { createDatabase } from '../postgres/databases.ts';
import { startPostgres } from '../postgres/server.ts';
import { writeConversations } from './conversation.ts';
import { storeContents, storePostgres, storeSqlite } from './stored-databases.ts';

// `npm run release:data` writes the databases that every later release must read, for the version in package.json. Those of 0.1.0 were
// written by commit e596d64 while a run was in progress, with conversations of the same kind.
const release = packageJson.version;
// Fails if the databases of this release exist: they are never changed.
await mkdir(new URL(`../data/releases/${release}/`, import.meta.url), { recursive: false });
const folder = await mkdtemp(join(tmpdir(), 'runtape-release-'));
const postgres = await startPostgres();
try {
  const path = join(folder, 'runtape.db');
  await writeConversations(`file:${path}`);
  await storeSqlite(release, path);
  await storeContents(release, `file:${path}`);
  const { url } = await createDatabase(postgres.url);
  await writeConversations(url);
  await storePostgres(release, url);
  await storeContents(release, url);
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
console.log(`Wrote test/data/releases/${release}/.`);
