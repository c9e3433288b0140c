import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, dropDatabase } from '../postgres/databases.ts';
import { startPostgres } from '../postgres/server.ts';

/** Where the servers of a campaign keep their tapes, and a folder for what their tools leave behind. */
export interface CampaignStore extends AsyncDisposable {
  url: string;
  folder: string;
}

export async function createFileStore(): Promise<CampaignStore> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-crash-'));
  return {
    folder,
    url: `file:${join(folder, 'runtape.db')}`,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** @param admin a Postgres to make a database in; one of our own without it */
export async function createPostgresStore(admin?: string): Promise<CampaignStore> {
  const own = admin ? null : await startPostgres();
  const at = admin ?? own?.url ?? '';
  const { folder, ...file } = await createFileStore();
  const { url, name } = await createDatabase(at);
  return {
    folder,
    url,
    async [Symbol.asyncDispose]() {
      await dropDatabase(at, name);
      await own?.stop();
      await file[Symbol.asyncDispose]();
    },
  };
}
