import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { createDatabase } from '../postgres/databases.ts';
import { startPostgres } from '../postgres/server.ts';
import { writeConversations } from './conversation.ts';
import { storePostgres, storeSqlite } from './stored-databases.ts';

// `npm run release:data` writes the databases that every later release must read, for the version in package.json.
const release = packageJson.version;
// Fails if the databases of this release exist: they are never changed.
await mkdir(new URL(`../data/releases/${release}/`, import.meta.url), { recursive: false });
const folder = await mkdtemp(join(tmpdir(), 'runtape-release-'));
const postgres = await startPostgres();
try {
  const path = join(folder, 'runtape.db');
  await writeConversations(`file:${path}`);
  await storeSqlite(release, path);
  const { url } = await createDatabase(postgres.url);
  await writeConversations(url);
  await storePostgres(release, url);
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
console.log(`Wrote test/data/releases/${release}/.`);
