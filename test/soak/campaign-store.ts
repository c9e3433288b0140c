import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, dropDatabase } from '../postgres/databases.ts';
import { startPostgres } from '../postgres/server.ts';

/** The database of a campaign, and a folder for the record of tool executions. */
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

/** @param admin the URL of a Postgres in which to create the database; without it, a temporary Postgres is started */
export async function createPostgresStore(admin?: string): Promise<CampaignStore> {
  const temporary = admin ? null : await startPostgres();
  const adminUrl = admin ?? temporary?.url ?? '';
  const { folder, ...file } = await createFileStore();
  const { url, name } = await createDatabase(adminUrl);
  return {
    folder,
    url,
    async [Symbol.asyncDispose]() {
      await dropDatabase(adminUrl, name);
      await temporary?.stop();
      await file[Symbol.asyncDispose]();
    },
  };
}
