import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { Provider } from '../src/database/database.ts';
import { prismaFolder, readMigrations } from '../src/database/migrations.ts';
import { createKeyedMutex } from '../src/database/mutex.ts';

/** The SQL that leads from all migrations to the models; empty if they agree. Replays the migrations on a shadow database. */
export async function migrationDifference(
  provider: Provider,
  factory: SqlMigrationAwareDriverAdapterFactory,
): Promise<string> {
  const models = await readModels(join(prismaFolder, provider));
  const migrations = await listMigrations(provider);
  return withEngine(factory, models, async (schemaEngine) => {
    const result = await schemaEngine.diff({
      from: { tag: 'migrations', ...migrations },
      to: { tag: 'schemaDatamodel', files: models },
      script: true,
      exitCode: true,
      filters: filtersOf(provider),
    });
    return result.exitCode === 2 ? (result.stdout ?? '') : '';
  });
}

/** What Prisma's tools think of the bookkeeping in a database, compared with the migration files. */
export async function migrationHistory(
  provider: Provider,
  factory: SqlMigrationAwareDriverAdapterFactory,
): Promise<engine.DiagnoseMigrationHistoryOutput> {
  const migrationsList = await listMigrations(provider);
  // The datasource block alone selects the SQL dialect.
  const datasource = { path: 'main.prisma', content: `datasource db {\n  provider = "${provider}"\n}\n` };
  return withEngine(factory, [datasource], (schemaEngine) =>
    schemaEngine.diagnoseMigrationHistory({
      migrationsList,
      optInToShadowDatabase: false,
      filters: filtersOf(provider),
    }),
  );
}

/** The full-text index exists in the migrations only, because the models cannot describe it. */
const filtersOf = (provider: Provider): engine.SchemaFilter => ({
  externalTables:
    provider === 'sqlite'
      ? ['', '_data', '_idx', '_docsize', '_config'].map((part) => `Passage_words${part}`)
      : ['public.Passage_words'],
  externalEnums: [],
});

async function listMigrations(provider: Provider): Promise<engine.MigrationList> {
  const migrations = await readMigrations(provider);
  return {
    baseDir: join(prismaFolder, provider, 'migrations'),
    lockfile: { path: 'migration_lock.toml', content: `provider = "${provider}"\n` },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
    })),
  };
}

async function readModels(folder: string): Promise<engine.SchemaContainer[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = await Promise.all(
    entries.map(async (entry): Promise<engine.SchemaContainer[]> => {
      const path = join(folder, entry.name);
      if (entry.name.endsWith('.prisma')) return [{ path, content: await readFile(path, 'utf8') }];
      return entry.name === 'migrations' || entry.isFile() ? [] : readModels(path);
    }),
  );
  return files.flat();
}

/** The engine has one memory and cannot do two things at a time. */
const mutex = createKeyedMutex();

function withEngine<T>(
  factory: SqlMigrationAwareDriverAdapterFactory,
  files: engine.SchemaContainer[],
  work: (schemaEngine: engine.SchemaEngine) => Promise<T>,
): Promise<T> {
  return mutex.run('engine', async () => {
    loaded ??= loadEngine();
    await loaded;
    // Freeing the engine does not close its connections.
    const connections: SqlDriverAdapter[] = [];
    const { provider, adapterName } = factory;
    const adapter = bindMigrationAwareSqlAdapterFactory({
      provider,
      adapterName,
      async connect() {
        const connection = await factory.connect();
        connections.push(connection);
        return connection;
      },
      connectToShadowDb: () => factory.connectToShadowDb(),
    });
    const datamodels = files.map(({ path, content }): [string, string] => [path, content]);
    const schemaEngine = await engine.SchemaEngine.new({ datamodels }, () => undefined, adapter);
    try {
      return await work(schemaEngine);
    } finally {
      schemaEngine.free();
      await Promise.allSettled(connections.map((connection) => connection.dispose()));
    }
  });
}

let loaded: Promise<void> | undefined;

/** The package's own entry imports the WebAssembly as a module, which Node 20 does not support. */
async function loadEngine(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bytes = await readFile(join(dirname(entry), 'schema_engine_bg.wasm'));
  const imports = { './schema_engine_bg.js': engine as unknown as WebAssembly.ModuleImports };
  const { instance } = await WebAssembly.instantiate(bytes, imports);
  engine.__wbg_set_wasm(instance.exports);
  const start = instance.exports.__wbindgen_start;
  if (typeof start === 'function') start();
}
