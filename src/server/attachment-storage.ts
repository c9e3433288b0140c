import { dirname, join } from 'node:path';
import type { BlobStore } from '../attachments/blob-store.ts';
import { createFolderStore } from '../attachments/folder-store.ts';
import { createUploads, type Uploads } from '../attachments/uploads.ts';
import type { Configuration } from '../config/configuration.ts';

export interface AttachmentStorage {
  uploads: Uploads;
  blobs: BlobStore;
  /** Of this server: of the stored files, or of uploads that are being received. */
  folder: string;
}

/** An upload takes less time than this. */
const UPLOAD_MILLISECONDS = 60 * 60 * 1000;

/** The storage of attachments as configured. Creates no folder before the first upload, and removes what lost servers left. */
export async function openAttachmentStorage(
  configuration: Configuration,
  { now, isShared, environment }: { now: number; isShared: boolean; environment: Environment },
): Promise<AttachmentStorage> {
  const folder = attachmentsFolder(configuration);
  const uploads = createUploads(join(folder, 'uploads'));
  // Other servers may use the same folder.
  await uploads.removeLeftovers(isShared ? now - UPLOAD_MILLISECONDS : Number.POSITIVE_INFINITY);
  return { folder, uploads, blobs: await openBlobStore(configuration, join(folder, 'stored'), environment) };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The store of the bytes, in the given folder unless an object store is configured. Opens no connection. */
export async function openBlobStore(
  { file: { attachments } }: Configuration,
  folder: string,
  environment: Environment,
): Promise<BlobStore> {
  const { s3 } = attachments;
  if (!s3) return createFolderStore(folder);
  const { createS3Store } = await import('../attachments/s3-store.ts');
  return createS3Store({
    ...s3,
    accessKeyId: environment[s3.accessKeyIdEnv] ?? '',
    secretAccessKey: environment[s3.secretAccessKeyEnv] ?? '',
  });
}

/** Beside the SQLite file, or in the folder of data for other databases. */
export function attachmentsFolder({ databaseUrl, file: { attachments } }: Configuration): string {
  if (attachments.folder !== undefined) return attachments.folder;
  const path = /^file:(?:\/\/)?([^?]*)/.exec(databaseUrl)?.[1];
  return join(path === undefined ? './data' : dirname(path), 'attachments');
}
