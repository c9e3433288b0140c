import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type BlobStore, BlobStoreError } from '../../attachments/blob-store.ts';
import type { Configuration } from '../../config/configuration.ts';
import { StartError } from '../../config/start-error.ts';
import { readMigrations } from '../../database/migrations.ts';
import { openSnapshot } from '../../database/sqlite/snapshot.ts';
import { lockSqliteFile, prepareSqliteFile } from '../../database/sqlite/sqlite-file.ts';
import { attachmentsFolder, openBlobStore } from '../attachment-storage.ts';
import { digestOf, exists, sync, withFileFailures, writePrivately } from '../backup/files.ts';
import { keyOf } from '../backup/keys.ts';
import { ATTACHMENTS_FOLDER, DATABASE_FILE, type Manifest, readManifest } from '../backup/manifest.ts';
import { counted } from '../counted.ts';
import { withStoreFailures } from './store-failure.ts';

/**
 * Restores a backup to the configured database, which must not exist, and its attachments to the configured store. The exit code
 * is 1 if attachments are missing or damaged. Throws a StartError, and leaves no database then.
 */
export async function restoreCommand(configuration: Configuration, [name, ...rest]: readonly string[]): Promise<void> {
  if (name === undefined || /^(-|$)/.test(name) || rest.length > 0) {
    throw new StartError('Usage: runtape restore <folder>, for example: runtape restore backups/2026-01-31');
  }
  const { databaseUrl } = configuration;
  if (!databaseUrl.startsWith('file:')) {
    throw new StartError('`restore` writes SQLite databases. Restore Postgres with its own tools: see docs/backup.md.');
  }
  const folder = resolve(name);
  await withStoreFailures(databaseUrl, () =>
    withFileFailures(`The backup ${folder} cannot be restored`, () => restore(configuration, folder)),
  );
}

async function restore(configuration: Configuration, folder: string): Promise<void> {
  const manifest = await readManifest(folder);
  await checkBackup(folder, manifest);
  const path = prepareSqliteFile(configuration.databaseUrl);
  const lock = lockSqliteFile(path);
  try {
    for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
      if (await exists(file)) {
        throw new StartError(
          `${file} exists, and \`restore\` replaces no database. Move it away, or name another file in DATABASE_URL.`,
        );
      }
    }
    const faults = manifest.attachments.storage === 'folder' ? await restoreAttachments(configuration, folder) : [];
    // Last: the database never refers to attachments that are not restored yet.
    await restoreDatabase(join(folder, DATABASE_FILE), path, manifest);
    lock.markInitialised();
    report(path, manifest, faults);
  } finally {
    lock.unlock();
  }
}

async function checkBackup(folder: string, { migration, database, release }: Manifest): Promise<void> {
  const known = await readMigrations('sqlite');
  if (!known.some(({ name }) => name === migration)) {
    throw new StartError(
      `The backup ${folder} was written by Runtape ${release}, which is newer than this release: it has migration ${migration}. ` +
        'Restore it with that release.',
    );
  }
  const { sha256 } = await digestOf(join(folder, DATABASE_FILE));
  if (sha256 !== database.sha256) throw changed(folder);
}

const changed = (folder: string) =>
  new StartError(`The backup ${folder} is damaged: ${DATABASE_FILE} does not match its digest. Use another backup.`);

async function restoreDatabase(source: string, path: string, { database }: Manifest): Promise<void> {
  const partial = `${path}.partial`;
  try {
    await rm(partial, { force: true });
    const { sha256 } = await writePrivately(createReadStream(source), partial);
    if (sha256 !== database.sha256) throw changed(dirname(source));
    await rename(partial, path);
    await sync(dirname(path));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Returns what is missing or damaged. */
async function restoreAttachments(configuration: Configuration, folder: string): Promise<string[]> {
  const target = attachmentsFolder(configuration);
  const store = await openBlobStore(configuration, join(target, 'stored'), process.env);
  const faults: string[] = [];
  using copy = openSnapshot(join(folder, DATABASE_FILE));
  for (const blob of copy.blobs()) {
    const key = keyOf(blob);
    const source = join(folder, ATTACHMENTS_FOLDER, key);
    if (!(await exists(source))) {
      faults.push(`The attachment ${key} is not in the backup.`);
      continue;
    }
    const path = join(target, 'uploads', randomUUID());
    try {
      const digest = await writePrivately(createReadStream(source), path);
      if (digest.sha256 === blob.sha256) await put(store, key, { path, ...digest });
      else faults.push(`The attachment ${key} is damaged: its content does not match its digest.`);
    } finally {
      await rm(path, { force: true });
    }
  }
  return faults;
}

async function put(store: BlobStore, key: string, file: Parameters<BlobStore['put']>[1]): Promise<void> {
  try {
    await store.put(key, file);
  } catch (error) {
    if (!(error instanceof BlobStoreError)) throw error;
    throw new StartError(`The attachment ${key} cannot be stored: ${error.message}`, error);
  }
}

function report(
  path: string,
  { createdAt, release, database, attachments }: Manifest,
  faults: readonly string[],
): void {
  process.stdout.write(`${path}: ${counted(database.tapes, 'tape')} of ${createdAt}, written by Runtape ${release}\n`);
  if (attachments.storage === 's3') {
    process.stdout.write(`The attachments are in the bucket ${attachments.bucket}, which has its own backups\n`);
  }
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
}
