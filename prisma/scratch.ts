import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { migrationDifference } from '../src/database/migrations.ts';
import { PostgresMigrations } from '../src/database/postgres/migration-adapter.ts';

/** The driver as the engine needs it where it replays the migrations. */
class ScratchSqlite extends PrismaBetterSqlite3 {
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

/** The SQL that leads from the migrations of SQLite to the models; empty where they agree. */
export function sqliteDifference(): Promise<string> {
  return migrationDifference('sqlite', new ScratchSqlite({ url: 'file::memory:' }));
}

/**
 * The same for Postgres, of any version.
 * @param url a server on which a database can be made and dropped again
 */
export function postgresDifference(url: string): Promise<string> {
  return migrationDifference('postgresql', new PostgresMigrations(url));
}
