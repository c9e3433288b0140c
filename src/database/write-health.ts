import type { Clock } from '../clock.ts';
import type { Database } from './database.ts';
import { writingStatement } from './statement.ts';
import { StoreError } from './store-error.ts';

export interface WriteHealth {
  /** The database, whose failed writes are noticed. */
  database: Database;
  /** Resolves with why the database cannot be used, for everyone to read; null if it can. */
  problem(): Promise<string | null>;
}

const PROBE_PAUSE_MILLISECONDS = 1000;

/**
 * Notices writes that fail because the database cannot be used. Until a write succeeds, `problem` writes itself, at most once a
 * second. A schema that does not fit is found by the next append only, because other writes may still succeed.
 */
export function watchWrites(database: Database, clock: Clock): WriteHealth {
  let failure: StoreError | null = null;
  let probing: Promise<void> | null = null;
  let probedAt = Number.NEGATIVE_INFINITY;

  function watch<T>(work: Promise<T>, isAppend = false): Promise<T> {
    void work.then(
      () => {
        if (failure && (isAppend || !isSchemaFailure(failure))) failure = null;
      },
      (error: unknown) => {
        if (error instanceof StoreError && !['constraint', 'locked'].includes(error.failure)) failure = error;
      },
    );
    return work;
  }

  const watched: Database = {
    ...database,
    write: (work) => watch(database.write(work)),
    commit: (writes, callers) => watch(database.commit(writes, callers), true),
    query: (statement, ...parameters) => {
      const rows = database.query(statement, ...parameters);
      return statement.writes ? watch(rows) : rows;
    },
  };

  async function probe(): Promise<void> {
    probedAt = clock.elapsed();
    const rows = JSON.stringify(probeRows);
    // A failure is noticed like that of any other write.
    await watched
      .query(insertProbe, rows)
      .then(() => watched.query(deleteProbe, rows))
      .catch(() => undefined);
    probing = null;
  }

  return {
    database: watched,
    async problem() {
      // The reason itself names a path, which is not for everyone.
      if (database.problem() !== null)
        return database.isShared
          ? 'the database was migrated by a newer release'
          : 'the database cannot store changes: its files were deleted, moved or replaced';
      try {
        await database.reader.session.findFirst({ select: { id: true } });
      } catch {
        return 'the database cannot be read';
      }
      if (failure && (probing !== null || clock.elapsed() - probedAt >= PROBE_PAUSE_MILLISECONDS)) {
        probing ??= probe();
        await probing;
      }
      return failure && `the database cannot store changes: ${reasonOf(failure)}`;
    },
  };
}

/** Large enough to need space on the disk. No principal has a control character. */
const probeRows = Array.from({ length: 32 }, (_, index) => ({ principal: `\u0001 ${index} ${'x'.repeat(1000)}` }));

const insertProbe = writingStatement<{ points: number }>(
  { points: 'int' },
  ({ rows }) => `
    INSERT INTO "RateUse" ("principal", "minute", "points")
    SELECT "principal", 0, 0 FROM ${rows('probe', { principal: 'text' })} WHERE true
    ON CONFLICT ("principal") DO UPDATE SET "points" = 0 RETURNING "points"`,
);
const deleteProbe = writingStatement<{ points: number }>(
  { points: 'int' },
  ({ rows }) => `
    DELETE FROM "RateUse" WHERE "principal" IN (SELECT "principal" FROM ${rows('probe', { principal: 'text' })})
    RETURNING "points"`,
);

/** Codes of SQLite and of Postgres (class 42). */
const isSchemaFailure = (failure: StoreError) => /^(SQLITE_ERROR|42...)$/.test(codeOf(failure));

function reasonOf(failure: StoreError): string {
  const code = codeOf(failure);
  if (failure.failure === 'busy') return 'another program has locked it';
  if (isSchemaFailure(failure)) return 'its schema does not fit this release';
  if (/^(SQLITE_FULL|ENOSPC|53100)$/.test(code)) return 'the disk is full';
  if (/^(SQLITE_READONLY|25006)/.test(code)) return 'it is read-only';
  if (/^SQLITE_IOERR/.test(code)) return 'the disk reports errors';
  if (failure.failure === 'unknown') return 'the connection was lost';
  return 'the log has the details';
}

function codeOf({ cause }: StoreError): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}
