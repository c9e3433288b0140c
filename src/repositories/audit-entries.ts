import { batchWriter, type RowWrite } from '../database/batch-statement.ts';
import type { Database } from '../database/database.ts';
import { type ColumnTypes, statement } from '../database/statement.ts';

export interface AuditRow {
  /** Sorts by time. */
  id: string;
  at: Date;
  event: string;
  principal: string | null;
  address: string | null;
  rule: string | null;
  count: number;
  /** JSON object. */
  details: string;
}

const columns: ColumnTypes<AuditRow> = {
  id: 'text',
  at: 'timestamp',
  event: 'text',
  principal: 'text',
  address: 'text',
  rule: 'text',
  count: 'int',
  details: 'text',
};

const names = Object.keys(columns);
const list = names.map((name) => `"${name}"`).join(', ');

const insert = batchWriter<AuditRow>(
  { order: 90, columns },
  ({ rows, value }) => `INSERT INTO "AuditEntry" (${list}) SELECT ${names.map(value).join(', ')} FROM ${rows}`,
);

export function insertAuditEntry(row: AuditRow): RowWrite {
  return insert(row);
}

const page = {
  ...statement(columns, () => `SELECT ${list} FROM "AuditEntry" WHERE "id" > ? ORDER BY "id" LIMIT ?`),
  reads: 'many' as const,
};

/** Entries after an id, oldest first. */
export function auditEntriesAfter(database: Pick<Database, 'query'>, id: string, limit: number): Promise<AuditRow[]> {
  return database.query(page, id, limit);
}

const newest = statement(
  columns,
  () => `SELECT ${list} FROM "AuditEntry" WHERE "event" = ? ORDER BY "id" DESC LIMIT 1`,
);

export async function newestAuditEntry(database: Pick<Database, 'query'>, event: string): Promise<AuditRow | null> {
  const [row] = await database.query(newest, event);
  return row ?? null;
}

const deleteOldest = batchWriter<{ id: string }>(
  { order: 1, columns: { id: 'text' } },
  ({ rows, value }) => `DELETE FROM "AuditEntry" WHERE "id" <= (SELECT max(${value('id')}) FROM ${rows})`,
);

/** Rows that are deleted in one transaction. */
const DELETED_AT_A_TIME = 1000;

/** Deletes the oldest entries, up to the first one that is not from before a time. Returns their number. */
export async function pruneAuditEntries(database: Database, before: Date): Promise<number> {
  for (let deleted = 0; ; ) {
    const rows = await database.query(page, '', DELETED_AT_A_TIME);
    const kept = rows.findIndex(({ at }) => at >= before);
    const expired = kept === -1 ? rows : rows.slice(0, kept);
    const last = expired.at(-1);
    if (!last) return deleted;
    await database.commit([deleteOldest({ id: last.id })]);
    deleted += expired.length;
    if (expired.length < DELETED_AT_A_TIME) return deleted;
  }
}
