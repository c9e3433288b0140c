import type { Configuration } from '../../config/configuration.ts';
import { StartError } from '../../config/start-error.ts';
import type { Database } from '../../database/database.ts';
import { openForReading } from '../../database/open-database.ts';
import { createIds } from '../../ids.ts';
import { type AuditRow, auditEntriesAfter } from '../../repositories/audit-entries.ts';
import { withStoreFailures } from './store-failure.ts';

const ENTRIES_PER_PAGE = 1000;

/**
 * Prints the audit log as JSON lines, oldest first, also while servers use the database.
 * @param parameters a time, whose earlier entries are left out; none for all
 */
export async function auditCommand({ databaseUrl }: Configuration, parameters: readonly string[]): Promise<void> {
  const [since, ...rest] = parameters;
  if (rest.length > 0) throw new StartError('Usage: runtape audit [time], for example: runtape audit 2026-11-22');
  const first = since === undefined ? '' : idAt(since);
  await withStoreFailures(databaseUrl, async () => {
    const database = await openForReading(databaseUrl);
    try {
      for await (const page of auditPages(database, first)) await print(page);
    } finally {
      await database.close();
    }
  });
}

/** The entries after an id as JSON lines, in texts of up to ENTRIES_PER_PAGE lines. */
export async function* auditPages(database: Pick<Database, 'query'>, after: string): AsyncGenerator<string> {
  let rows = await auditEntriesAfter(database, after, ENTRIES_PER_PAGE);
  while (rows.length > 0) {
    yield rows.map(lineOf).join('');
    rows = await auditEntriesAfter(database, rows.at(-1)?.id ?? '', ENTRIES_PER_PAGE);
  }
}

/** Before the ids of all entries from this time on. */
export function idAt(since: string): string {
  const time = Date.parse(since);
  if (Number.isNaN(time)) {
    throw new StartError(
      `"${since.slice(0, 100)}" is not a time. Write it like 2026-11-22T10:15:30Z, or only its date.`,
    );
  }
  const id = createIds(() => Math.max(0, time))('auditEntry');
  // The first characters of an id are its time, the rest is random.
  return id.slice(0, id.indexOf('_') + 1 + ULID_TIME_CHARACTERS);
}

const ULID_TIME_CHARACTERS = 10;

function lineOf({ details, ...entry }: AuditRow): string {
  return `${JSON.stringify({ ...entry, details: JSON.parse(details) })}\n`;
}

/** Waits until the reader of a pipe has taken the text. */
function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
