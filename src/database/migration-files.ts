import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg';

export type Provider = 'sqlite' | 'postgresql';

/** Found by the package that this file belongs to: the build puts it elsewhere. */
export const prismaFolder = join(dirname(createRequire(import.meta.url).resolve('#package.json')), 'prisma');

/** Whether a database that has seen these needs no other. */
export async function hasEveryMigration(provider: Provider, applied: readonly string[]): Promise<boolean> {
  const names = await migrationNames(provider);
  return names.every((name) => applied.includes(name));
}

/** In the order in which they are applied. */
export async function migrationNames(provider: Provider): Promise<string[]> {
  const entries = await readdir(join(prismaFolder, provider, 'migrations'), { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

export async function readMigrations(provider: Provider): Promise<MigrationList> {
  const baseDir = join(prismaFolder, provider, 'migrations');
  const names = await migrationNames(provider);
  return {
    baseDir,
    lockfile: { path: 'migration_lock.toml', content: `provider = "${provider}"\n` },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.map(async (path) => {
        const value = await readFile(join(baseDir, path, 'migration.sql'), 'utf8');
        return { path, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
      }),
    ),
  };
}
