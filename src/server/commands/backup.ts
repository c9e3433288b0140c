import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type BlobStore, BlobStoreError } from '../../attachments/blob-store.ts';
import { systemClock } from '../../clock.ts';
import type { Configuration } from '../../config/configuration.ts';
import { StartError } from '../../config/start-error.ts';
import { copySqlite, openSnapshot, type SqliteSnapshot } from '../../database/sqlite/snapshot.ts';
import { attachmentsFolder, openBlobStore } from '../attachment-storage.ts';
import { digestOf, exists, sync, withFileFailures, writePrivately } from '../backup/files.ts';
import { keyOf } from '../backup/keys.ts';
import { ATTACHMENTS_FOLDER, currentFormat, DATABASE_FILE, MANIFEST_FILE, type Manifest } from '../backup/manifest.ts';
import { counted } from '../counted.ts';
import { version } from '../version.ts';
import { withStoreFailures } from './store-failure.ts';

/**
 * Writes a consistent copy of the SQLite database and its attachments to a new folder, also while a server runs. The folder gets its
 * name when everything in it is durable. The exit code is 1 if attachments are missing or damaged. Throws a StartError.
 */
export async function backupCommand(configuration: Configuration, parameters: readonly string[]): Promise<void> {
  const target = targetOf(configuration.databaseUrl, parameters);
  await withStoreFailures(configuration.databaseUrl, () =>
    withFileFailures(`The backup ${target} cannot be written`, () => writeBackup(configuration, target)),
  );
}

async function writeBackup(configuration: Configuration, target: string): Promise<void> {
  await checkTarget(target);
  const partial = `${target}.partial-${randomBytes(4).toString('hex')}`;
  await mkdir(partial, { mode: 0o700 });
  try {
    const faults: string[] = [];
    const manifest = await fill(partial, configuration, faults);
    // Only an empty folder that was created since then would be replaced.
    await checkTarget(target);
    await rename(partial, target);
    await sync(dirname(target));
    report(target, manifest, faults);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

function targetOf(databaseUrl: string, [name, ...rest]: readonly string[]): string {
  if (name === undefined || /^(-|$)/.test(name) || rest.length > 0) {
    throw new StartError('Usage: runtape backup <new folder>, for example: runtape backup backups/2026-01-31');
  }
  if (!databaseUrl.startsWith('file:')) {
    throw new StartError(
      '`backup` copies SQLite databases. Back up Postgres with pg_dump or with base backups and an archive of its ' +
        'write-ahead log, and the folder of attachments after it: see docs/backup.md.',
    );
  }
  return resolve(name);
}

async function checkTarget(target: string): Promise<void> {
  if (await exists(target)) {
    throw new StartError(`${target} exists already, and a backup replaces nothing. Name a new folder.`);
  }
  const parent = dirname(target);
  const isFolder = await stat(parent).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new StartError(`The folder ${parent} does not exist. Create it first.`);
}

/** Writes the contents of a backup, and makes them durable. */
async function fill(folder: string, configuration: Configuration, faults: string[]): Promise<Manifest> {
  const createdAt = new Date(systemClock.now()).toISOString();
  const databaseFile = join(folder, DATABASE_FILE);
  const source = copySqlite(configuration.databaseUrl, databaseFile);
  await sync(databaseFile);
  using copy = openSnapshot(databaseFile);
  const migration = copy.newestMigration();
  if (migration === null) throw new StartError(`${source} is not a database of Runtape.`);
  const attachments = await copyAttachments(folder, configuration, { source, copy, faults });
  const database = { ...(await digestOf(databaseFile)), tapes: copy.countTapes() };
  const manifest: Manifest = { ...currentFormat, createdAt, release: version, migration, database, attachments };
  const manifestFile = join(folder, MANIFEST_FILE);
  await writeFile(manifestFile, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  await sync(manifestFile);
  await sync(folder);
  return manifest;
}

interface CopiedDatabase {
  /** Path of the database in use. */
  source: string;
  copy: SqliteSnapshot;
  faults: string[];
}

async function copyAttachments(
  folder: string,
  configuration: Configuration,
  { source, copy, faults }: CopiedDatabase,
): Promise<Manifest['attachments']> {
  const { s3 } = configuration.file.attachments;
  if (s3) return { storage: 's3', bucket: s3.bucket, prefix: s3.prefix };
  const store = await openBlobStore(configuration, join(attachmentsFolder(configuration), 'stored'), {});
  using current = openSnapshot(source);
  const folders = new Set<string>();
  const totals = { files: 0, bytes: 0 };
  for (const blob of copy.blobs()) {
    const key = keyOf(blob);
    const path = join(folder, ATTACHMENTS_FOLDER, key);
    const copied = await copyBlob(store, key, path);
    if (copied?.sha256 === blob.sha256) {
      totals.files += 1;
      totals.bytes += copied.bytes;
    } else if (current.hasBlob(blob.id)) {
      faults.push(`The attachment ${key} is ${copied ? 'damaged: its content does not match its digest' : 'missing'}.`);
    }
    // Parents of a durable file become durable with it.
    for (let parent = dirname(path); parent !== folder; parent = dirname(parent)) folders.add(parent);
  }
  for (const path of folders) if (await exists(path)) await sync(path);
  return { storage: 'folder', ...totals };
}

async function copyBlob(store: BlobStore, key: string, path: string) {
  try {
    const stream = await store.read(key);
    return stream && (await writePrivately(stream, path));
  } catch (error) {
    if (!(error instanceof BlobStoreError)) throw error;
    throw new StartError(`The attachment ${key} cannot be read: ${error.message}`, error);
  }
}

function report(target: string, { database, attachments }: Manifest, faults: readonly string[]): void {
  const copied =
    attachments.storage === 'folder'
      ? counted(attachments.files, 'attachment')
      : `no attachments: back up the bucket ${attachments.bucket} on its own`;
  process.stdout.write(`${target}: ${counted(database.tapes, 'tape')}, ${copied}\n`);
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
}
