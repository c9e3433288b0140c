import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openSqlite } from '../../src/database/sqlite/sqlite.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A file that has seen every migration: a copy of it is opened much sooner than a new one. */
    template: string;
  }
}

/** One migrated file for all tests of a project. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'runtape-template-'));
  const path = join(folder, 'runtape.db');
  const database = await openSqlite({ url: `file:${path}`, durability: 'full' });
  await database.close();
  project.provide('template', path);
  return () => rm(folder, { recursive: true, force: true });
}
