import type pg from 'pg';
import { StoreError } from '../store-error.ts';

/**
 * Notices that a newer release has migrated the database of a running server, whose statements may no longer fit then. A migration is
 * refused while servers use the database, so this happens only if a connection pooler or another role hides them.
 */
export interface SchemaGuard {
  /** Why nothing may be stored any more; null while the migrations are those of this release. */
  problem(): string | null;
  /** Compares the migrations of the database with those of this release. Rejects with a StoreError if it has others. */
  check(): Promise<void>;
  /** Throws a StoreError if the last comparison found others. */
  assertCurrent(): void;
  /** Resolves with the problem when it is found. */
  superseded: Promise<string>;
}

const SELECT_UNKNOWN = `
  SELECT migration_name AS "name", logs AS "appliedBy" FROM "_prisma_migrations"
  WHERE rolled_back_at IS NULL AND NOT migration_name = ANY ($1) ORDER BY migration_name LIMIT 1`;

export function createSchemaGuard(pool: pg.Pool, migrations: readonly string[], databaseName: string): SchemaGuard {
  let problem: string | null = null;
  let report: (problem: string) => void = () => undefined;
  const superseded = new Promise<string>((resolve) => {
    report = resolve;
  });
  function assertCurrent(): void {
    if (problem !== null) throw new StoreError('unavailable', problem);
  }
  return {
    problem: () => problem,
    assertCurrent,
    superseded,
    async check() {
      assertCurrent();
      const { rows } = await pool.query<{ name: string; appliedBy: string | null }>(SELECT_UNKNOWN, [migrations]);
      const [unknown] = rows;
      if (!unknown) return;
      problem =
        `A newer release (${unknown.appliedBy ?? 'of unknown version'}) has migrated the database ${databaseName}: this one does not know ` +
        `migration ${unknown.name}. Nothing is stored by this server any more. Start the newer release instead of it`;
      report(problem);
      assertCurrent();
    },
  };
}
