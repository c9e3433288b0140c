import { mkdir, writeFile } from 'node:fs/promises';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { migrationDifference } from '../src/database/migrations.ts';

/** Writes the migration that leads from those there are to the models: `npm run db -- add_something`. */
const name = process.argv[2];
if (!name || !/^[a-z0-9_]+$/.test(name)) {
  console.error('Name the migration in lower case, for example: npm run db -- add_labels');
  process.exit(1);
}

/** The driver as the engine needs it where it replays the migrations. */
class Scratch extends PrismaBetterSqlite3 {
  /** A migration file holds many statements, and this driver prepares one at a time; it takes double quotes for names only. */
  override async connectToShadowDb(): ReturnType<PrismaBetterSqlite3['connectToShadowDb']> {
    const connection = await super.connectToShadowDb();
    const one = connection.executeRaw.bind(connection);
    connection.executeRaw = async (query) => {
      if (query.args.length > 0) return one(query);
      await connection.executeScript(query.sql);
      return 0;
    };
    const query = connection.queryRaw.bind(connection);
    connection.queryRaw = (read) => query({ ...read, sql: read.sql.replace(/name = "(\w+)"/, "name = '$1'") });
    return connection;
  }
}

const sql = await migrationDifference('sqlite', new Scratch({ url: 'file::memory:' }));
if (sql === '') {
  console.log('The migrations lead to the models already.');
} else {
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const folder = new URL(`./sqlite/migrations/${stamp}_${name}/`, import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL('migration.sql', folder), sql);
  console.log(`Wrote ${folder.pathname}migration.sql. Read it before you commit it.`);
}
