import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import * as limits from '../../config/limits.ts';
import type { Database } from '../../database/database.ts';
import { checkSchema } from '../../database/expected-schema.ts';
import { missingMigrations, readMigrations } from '../../database/migrations.ts';
import { describeUrl, openForReading } from '../../database/open-database.ts';
import { timeOfId } from '../../ids.ts';
import { newestEncryptedInput } from '../../repositories/encrypted-inputs.ts';
import { createSecretStore } from '../../tools/secret-store.ts';
import { withStoreFailures } from '../commands/store-failure.ts';
import { sqlitePath } from '../own-files.ts';
import { type Finding, findingOf, fine, problem } from './finding.ts';
import { checkWritable } from './folders.ts';

const ADVICE = 'Check DATABASE_URL. `verify` tells what is damaged.';

/** Checks the database, and what depends on it: the secret key and the clock. Changes nothing. */
export async function checkDatabase(configuration: Configuration, clock: Clock): Promise<Finding[]> {
  const path = sqlitePath(configuration.databaseUrl);
  return path === null ? checkPostgres(configuration, clock) : checkSqlite(configuration, path, clock);
}

async function checkSqlite(configuration: Configuration, path: string, clock: Clock): Promise<Finding[]> {
  const { databaseUrl } = configuration;
  if (!existsSync(path)) {
    const database = await findingOf('database', ADVICE, async () => {
      checkWritable(dirname(path));
      return `${describeUrl(databaseUrl)} does not exist yet. The first start creates it`;
    });
    return [...database, keyFinding(configuration), fine('clock', "This machine's clock is used")];
  }
  return checkExisting(configuration, clock, async () => {
    (await import('../../database/sqlite/sqlite-file.ts')).refuseFolder(path);
    accessSync(path, constants.R_OK | constants.W_OK);
    checkWritable(dirname(path));
  });
}

async function checkPostgres(configuration: Configuration, clock: Clock): Promise<Finding[]> {
  const { inspectPostgres } = await import('../../database/postgres/inspect.ts');
  const name = describeUrl(configuration.databaseUrl);
  try {
    const askedAt = clock.now();
    const facts = await inspectPostgres(configuration.databaseUrl);
    const machine = (askedAt + clock.now()) / 2;
    const clockFinding = compareClocks((facts.now - machine) / 1000);
    const needed = configuration.databaseConnections + 1;
    const problems = [
      facts.isReadOnly && `${name} is read-only. Name the primary in DATABASE_URL, or make it writable.`,
      !facts.canCreateTables &&
        `The user may not create tables in ${name}. Grant CREATE on its schema, or apply migrations as another user.`,
      facts.canWrite === false &&
        `The user may not write to the tables of ${name}. Grant it the privileges of their owner.`,
      needed > facts.connections &&
        `${name} allows ${facts.connections} connections, and this server needs ${needed}. Lower RUNTAPE_DATABASE_CONNECTIONS, or raise max_connections.`,
    ].filter((text) => text !== false);
    if (problems.length > 0) {
      return [...problems.map((text) => problem('database', text)), keyFinding(configuration), clockFinding];
    }
    if (!facts.isMigrated) {
      const text = `${name} has no tables yet. The first start creates them`;
      return [fine('database', text), keyFinding(configuration), clockFinding];
    }
    const findings = await checkExisting(configuration, clock, async () => undefined);
    return [...findings.filter(({ subject }) => subject !== 'clock'), clockFinding];
  } catch (error) {
    const failed = await findingOf('database', ADVICE, () => Promise.reject(error));
    return [...failed, keyFinding(configuration)];
  }
}

/** Opens a database that has tables. */
async function checkExisting(
  configuration: Configuration,
  clock: Clock,
  checkAccess: () => Promise<void>,
): Promise<Finding[]> {
  const name = describeUrl(configuration.databaseUrl);
  const further: Finding[] = [];
  const findings = await findingOf('database', ADVICE, () =>
    withStoreFailures(configuration.databaseUrl, async () => {
      await checkAccess();
      const database = await openForReading(configuration.databaseUrl);
      try {
        const missing = await countMissingMigrations(database, name);
        if (missing > 0) return `${name} is usable. The next start applies ${missing} migrations: make a backup before`;
        await checkSchema(database, name);
        further.push(await checkKey(configuration, database), await checkNewestRun(database, clock));
        return `${name} is usable`;
      } finally {
        await database.close();
      }
    }),
  );
  return [...findings, ...(further.length > 0 ? further : [keyFinding(configuration)])];
}

async function countMissingMigrations({ provider, reader }: Database, databaseName: string): Promise<number> {
  const query = (sql: string) => reader.$queryRawUnsafe<Record<string, unknown>[]>(sql);
  return (await missingMigrations({ provider, databaseName, query }, await readMigrations(provider))).length;
}

function keyFinding({ secretKey }: Configuration): Finding {
  const text = secretKey
    ? 'RUNTAPE_SECRET_KEY is set'
    : 'Not set: credentials of calls that wait are lost at a restart';
  return fine('secret key', text);
}

/** Whether the key opens what is stored. */
async function checkKey(configuration: Configuration, { reader }: Database): Promise<Finding> {
  const stored = await newestEncryptedInput(reader);
  const { secretKey } = configuration;
  if (stored === null) return keyFinding(configuration);
  if (secretKey === null) {
    const consequence = 'Set the key that encrypted them, or the calls that wait with them fail.';
    return problem('secret key', `RUNTAPE_SECRET_KEY is not set, but credentials are stored encrypted. ${consequence}`);
  }
  if (createSecretStore(secretKey).decrypt(stored, stored.encrypted))
    return fine('secret key', 'It opens what is stored');
  const advice = 'Set the key that encrypted them, or the calls that wait with them fail.';
  return problem('secret key', `RUNTAPE_SECRET_KEY does not decrypt the stored credentials. ${advice}`);
}

/** SQLite has no clock. Its newest run tells whether this machine's clock was set back. */
async function checkNewestRun({ reader }: Database, clock: Clock): Promise<Finding> {
  const newest = await reader.run.findFirst({ orderBy: { id: 'desc' }, select: { id: true } });
  const aheadSeconds = newest === null ? 0 : (timeOfId(newest.id) - clock.now()) / 1000;
  if (aheadSeconds <= limits.CLOCK_DIFFERENCE_SECONDS)
    return fine('clock', "This machine's clock is used, and no run is newer");
  const text = `The newest run is ${Math.round(aheadSeconds)} seconds newer than this machine's clock says.`;
  return problem('clock', `${text} Correct the clock, and synchronise it (NTP).`);
}

function compareClocks(databaseAheadSeconds: number): Finding {
  const difference = Math.round(Math.abs(databaseAheadSeconds));
  if (Math.abs(databaseAheadSeconds) <= limits.CLOCK_DIFFERENCE_SECONDS) {
    return fine('clock', "This machine's clock agrees with the database's");
  }
  const direction = databaseAheadSeconds > 0 ? 'behind' : 'ahead of';
  const text = `This machine's clock is ${difference} seconds ${direction} the database's.`;
  return problem('clock', `${text} Synchronise both (NTP): tokens expire by this machine's clock.`);
}
