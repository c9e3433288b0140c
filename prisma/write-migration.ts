import { mkdir, writeFile } from 'node:fs/promises';
import type { Provider } from '../src/database/database.ts';
import { startPostgres } from '../test/postgres/server.ts';
import { migrationDifference } from './schema-engine.ts';
import { PostgresForEngine, SqliteForEngine } from './shadow-databases.ts';

// Writes the migrations that lead from the existing ones to the models, for both stores: `npm run db -- add_something`.
const name = process.argv[2];
if (!name || !/^[a-z0-9_]+$/.test(name)) {
  console.error('Name the migration in lower case, for example: npm run db -- add_labels');
  process.exit(1);
}

const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);

async function write(provider: Provider, sql: string): Promise<void> {
  if (sql === '') return console.log(`The ${provider} migrations already match the models.`);
  const folder = new URL(`./${provider}/migrations/${timestamp}_${name}/`, import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('migration.sql', folder), sql);
  console.log(`Wrote ${folder.pathname}migration.sql. Read it before you commit it.`);
}

await write('sqlite', await migrationDifference('sqlite', new SqliteForEngine({ url: 'file::memory:' })));
const postgres = await startPostgres();
try {
  await write('postgresql', await migrationDifference('postgresql', new PostgresForEngine(postgres.url)));
} finally {
  await postgres.stop();
}
