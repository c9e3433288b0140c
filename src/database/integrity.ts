import type { Database } from './database.ts';

export interface Integrity {
  /** What the store found wrong in its files. */
  faults: string[];
  /** Why the files were not checked; null if they were. */
  unchecked: string | null;
}

/**
 * The store's own check of its files: `PRAGMA integrity_check`, or the extension `amcheck` of Postgres if it is installed.
 * Rejects with an error of the database if the files are too damaged for it.
 */
export async function checkIntegrity({ provider, reader }: Database): Promise<Integrity> {
  if (provider === 'sqlite') {
    const rows = await reader.$queryRawUnsafe<{ integrity_check: string }[]>('PRAGMA integrity_check');
    return { faults: rows.map((row) => row.integrity_check).filter((line) => line !== 'ok'), unchecked: null };
  }
  const installed = await reader.$queryRawUnsafe<unknown[]>(`SELECT 1 FROM pg_extension WHERE extname = 'amcheck'`);
  if (installed.length === 0) {
    return { faults: [], unchecked: 'the extension amcheck is not installed (CREATE EXTENSION amcheck)' };
  }
  const indexes = await reader.$queryRawUnsafe<{ name: string }[]>(`
    SELECT c.oid::regclass::text AS "name" FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam
    WHERE c.relkind = 'i' AND a.amname = 'btree' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1`);
  const faults: string[] = [];
  for (const { name } of indexes) {
    const check = reader.$queryRawUnsafe('SELECT bt_index_check($1::regclass)::text', name);
    await check.catch((error: unknown) =>
      faults.push(`index ${name}: ${error instanceof Error ? error.message : error}`),
    );
  }
  return { faults, unchecked: null };
}
