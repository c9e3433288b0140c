import type { Database } from '../database/database.ts';
import { statement } from '../database/statement.ts';

/** What decides how long a session is kept. */
export interface RetainedSessionRow {
  id: string;
  owner: string;
  activeAt: Date;
  archivedAt: Date | null;
  /** The name of its agent, or of the owner's default agent; null if there is neither. */
  agent: string | null;
  isOpen: boolean;
  hasBranches: boolean;
}

const page = {
  ...statement<RetainedSessionRow>(
    {
      id: 'text',
      owner: 'text',
      activeAt: 'timestamp',
      archivedAt: 'timestamp',
      agent: 'text',
      isOpen: 'boolean',
      hasBranches: 'boolean',
    },
    () => `SELECT "id", "owner", "activeAt", "archivedAt",
        (SELECT "name" FROM "Agent" WHERE "Agent"."owner" = "Session"."owner"
          AND ("Agent"."id" = "Session"."agentId" OR "Session"."agentId" IS NULL AND "Agent"."isDefault")),
        EXISTS (SELECT 1 FROM "Run" WHERE "Run"."sessionId" = "Session"."id"
          AND "Run"."state" IN ('PENDING', 'IN_PROGRESS', 'AWAITING_APPROVAL')),
        EXISTS (SELECT 1 FROM "Session" AS branch WHERE branch."parentId" = "Session"."id")
      FROM "Session" WHERE "id" < ? ORDER BY "id" DESC LIMIT ?`,
  ),
  reads: 'many' as const,
};

/** Sessions of all owners before an id, newest first, so that branches come before their parents. */
export function sessionsBefore(database: Database, id: string, limit: number): Promise<RetainedSessionRow[]> {
  return database.query(page, id, limit);
}
