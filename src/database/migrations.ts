import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import * as engine from '@prisma/schema-engine-wasm/schema_engine_bg';
import { type Provider, prismaFolder, readMigrations } from './migration-files.ts';
import { createMutex } from './mutex.ts';

/** The full-text index: made by the migrations alone, since the models know nothing of its kind. */
const searchIndex = ['', '_data', '_idx', '_docsize', '_config'].map((part) => `Passage_words${part}`);
const external = (provider: Provider): engine.SchemaFilter => ({
  externalTables: provider === 'sqlite' ? searchIndex : ['public.Passage_words'],
  externalEnums: [],
});

/** Brings the database to the newest migration. Safe to repeat. Returns the names of those it applied. */
export async function applyMigrations(
  provider: Provider,
  factory: SqlMigrationAwareDriverAdapterFactory,
): Promise<string[]> {
  const migrationsList = await readMigrations(provider);
  // The datasource block alone tells the engine which flavour to use; it needs no models to apply SQL files.
  const datasource = { path: 'main.prisma', content: `datasource db {\n  provider = "${provider}"\n}\n` };
  return alone.run(() =>
    withEngine(factory, [datasource], async (schemaEngine) => {
      const result = await schemaEngine.applyMigrations({ migrationsList, filters: external(provider) });
      return result.appliedMigrationNames;
    }),
  );
}

/** The SQL that leads from all migrations to the schema files; empty where they agree. */
export async function migrationDifference(
  provider: Provider,
  factory: SqlMigrationAwareDriverAdapterFactory,
): Promise<string> {
  const files = await readSchema(join(prismaFolder, provider));
  const migrations = await readMigrations(provider);
  return alone.run(() =>
    withEngine(factory, files, async (schemaEngine) => {
      const result = await schemaEngine.diff({
        from: { tag: 'migrations', ...migrations },
        to: { tag: 'schemaDatamodel', files },
        script: true,
        exitCode: true,
        filters: external(provider),
      });
      return result.exitCode === 2 ? (result.stdout ?? '') : '';
    }),
  );
}

/** The engine stands in one memory, and does not bear two pieces of work at a time. */
const alone = createMutex();

let loaded: Promise<void> | undefined;

/** The package's own entry imports the wasm as a module, which this Node can not. */
async function loadEngine(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bytes = await readFile(join(dirname(entry), 'schema_engine_bg.wasm'));
  const imports = { './schema_engine_bg.js': engine as unknown as WebAssembly.ModuleImports };
  const { instance } = await WebAssembly.instantiate(bytes, imports);
  engine.__wbg_set_wasm(instance.exports);
  const start = instance.exports.__wbindgen_start;
  if (typeof start === 'function') start();
}

/** Freeing the engine leaves its connections open, and a lock of theirs with them: they are closed here. */
async function withEngine<T>(
  factory: SqlMigrationAwareDriverAdapterFactory,
  files: engine.SchemaContainer[],
  work: (schemaEngine: engine.SchemaEngine) => Promise<T>,
): Promise<T> {
  loaded ??= loadEngine();
  await loaded;
  const connections: SqlDriverAdapter[] = [];
  const tracked: SqlMigrationAwareDriverAdapterFactory = {
    provider: factory.provider,
    adapterName: factory.adapterName,
    async connect() {
      const connection = await factory.connect();
      connections.push(connection);
      return connection;
    },
    connectToShadowDb: () => factory.connectToShadowDb(),
  };
  const datamodels = files.map(({ path, content }): [string, string] => [path, content]);
  const schemaEngine = await engine.SchemaEngine.new(
    { datamodels },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(tracked),
  );
  try {
    return await work(schemaEngine);
  } finally {
    schemaEngine.free();
    await Promise.allSettled(connections.map((connection) => connection.dispose()));
  }
}

async function readSchema(folder: string): Promise<engine.SchemaContainer[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = await Promise.all(
    entries.map(async (entry): Promise<engine.SchemaContainer[]> => {
      const path = join(folder, entry.name);
      if (entry.name.endsWith('.prisma')) return [{ path, content: await readFile(path, 'utf8') }];
      return entry.name === 'migrations' || entry.isFile() ? [] : readSchema(path);
    }),
  );
  return files.flat();
}
