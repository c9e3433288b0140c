import BetterSqlite from 'better-sqlite3';
import type { Clock } from '../../clock.ts';
import { applyMigrations, type Migration } from '../migrations.ts';
import { BUSY_MILLISECONDS } from './sqlite-file.ts';

/**
 * Applies the missing migrations to a file that this process has locked. Creates the file if there is none. Throws a
 * StartError as `applyMigrations` does, and what the driver throws.
 */
export async function migrateSqlite(path: string, migrations: readonly Migration[], clock: Clock): Promise<void> {
  const file = new BetterSqlite(path, { timeout: BUSY_MILLISECONDS });
  // In WAL mode the driver's default is NORMAL.
  file.pragma('synchronous = FULL');
  // Rebuilding a table drops the old one, which must not delete the rows that refer to it. Has no effect in a transaction.
  file.pragma('foreign_keys = OFF');
  const connection = {
    provider: 'sqlite' as const,
    databaseName: path,
    query: async (sql: string, parameters: string[] = []) => {
      const statement = file.prepare<string[], Record<string, unknown>>(sql);
      if (statement.reader) return statement.all(...parameters);
      statement.run(...parameters);
      return [];
    },
    runScript: async (sql: string) => {
      file.exec(sql);
      const [broken] = file.pragma('foreign_key_check') as { table: string; parent: string }[];
      if (broken) throw new Error(`it leaves rows of ${broken.table} that refer to missing rows of ${broken.parent}`);
    },
    async transaction(work: () => Promise<void>) {
      file.exec('BEGIN IMMEDIATE');
      try {
        await work();
        file.exec('COMMIT');
      } finally {
        if (file.inTransaction) file.exec('ROLLBACK');
      }
    },
  };
  try {
    await applyMigrations(connection, migrations, clock);
  } finally {
    file.close();
  }
}
