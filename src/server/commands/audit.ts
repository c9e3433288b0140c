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
      for await (const page of auditPages(database, first)) if (!(await print(page))) return;
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
  return `${escapeControls(JSON.stringify({ ...entry, details: JSON.parse(details) }))}\n`;
}

/** JSON leaves the second set of control characters, which terminals execute, and those that change the direction or line of a text. */
function escapeControls(json: string): string {
  return json.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Waits until the reader of a pipe has taken the text. Resolves with false if it reads no more. */
function print(text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null) => {
      if (!error) resolve(true);
      else if ('code' in error && error.code === 'EPIPE') resolve(false);
      else reject(error);
    };
    // The callback has the error as well, but an event without a listener ends the process.
    process.stdout.once('error', settle);
    process.stdout.write(text, (error) => {
      if (!error) process.stdout.removeListener('error', settle);
      settle(error);
    });
  });
}
