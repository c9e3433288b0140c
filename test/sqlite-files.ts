import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { databaseRoot } from './database-root.ts';

/** A folder for databases that is removed when the test ends. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(databaseRoot(), 'runtape-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The path of a new migrated database file for one test. */
export async function copyTemplate(): Promise<string> {
  const path = join(await makeFolder(), 'runtape.db');
  await copyFile(inject('template'), path);
  return path;
}
