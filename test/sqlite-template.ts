import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openSqlite } from '../src/database/sqlite/sqlite.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of a migrated database file. Opening a copy of it is much faster than migrating a new file. */
    template: string;
  }
}

/** Creates one migrated database file for all tests of a project. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-template-'));
  const path = join(folder, 'runtape.db');
  const database = await openSqlite({ url: `file:${path}`, durability: 'full' });
  await database.close();
  project.provide('template', path);
  return () => rm(folder, { recursive: true, force: true });
}
