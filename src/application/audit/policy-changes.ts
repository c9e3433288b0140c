import type { Database } from '../../database/database.ts';
import { newestAuditEntry } from '../../repositories/audit-entries.ts';
import type { AuditLog } from './audit-log.ts';

const event = 'policy-changed';

/** Records which policy is in force, unless the newest entry names it. @param sha256 of its text; null if it has none */
export async function recordPolicyChange(
  { audit, database }: { audit: Pick<AuditLog, 'record'>; database: Pick<Database, 'query'> },
  sha256: string | null,
): Promise<void> {
  const previous = await newestAuditEntry(database, event);
  const details = { sha256 };
  if (previous?.details === JSON.stringify(details)) return;
  await audit.record({ event, principal: null, address: null, rule: null, details });
}
