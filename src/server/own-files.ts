import type { Configuration } from '../config/configuration.ts';

/** The path in a `DATABASE_URL` of SQLite; null for Postgres. */
export function sqlitePath(databaseUrl: string): string | null {
  return databaseUrl.startsWith('file:') ? databaseUrl.replace(/^file:(\/\/)?/, '') : null;
}

/** The files that decide what tools may do, and hold what they have done. */
export function ownFiles({ databaseUrl, configurationPath, file }: Configuration): Record<string, string> {
  const files: Record<string, string> = { 'the configuration': configurationPath };
  if (file.policyFile !== undefined) files['the policy'] = file.policyFile;
  const database = sqlitePath(databaseUrl);
  if (database !== null) files['the database'] = database;
  return files;
}
