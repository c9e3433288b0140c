import { mkdir, writeFile } from 'node:fs/promises';
import { startPostgres } from '../test/postgres/server.ts';
import { postgresDifference, sqliteDifference } from './scratch.ts';

/** Writes the migrations that lead from those there are to the models, for both stores: `npm run db -- add_something`. */
const name = process.argv[2];
if (!name || !/^[a-z0-9_]+$/.test(name)) {
  console.error('Name the migration in lower case, for example: npm run db -- add_labels');
  process.exit(1);
}

const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);

async function write(provider: string, sql: string): Promise<void> {
  if (sql === '') return console.log(`The migrations of ${provider} lead to the models already.`);
  const folder = new URL(`./${provider}/migrations/${stamp}_${name}/`, import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('migration.sql', folder), sql);
  console.log(`Wrote ${folder.pathname}migration.sql. Read it before you commit it.`);
}

await write('sqlite', await sqliteDifference());
const postgres = await startPostgres();
try {
  await write('postgresql', await postgresDifference(postgres.url));
} finally {
  await postgres.stop();
}
