import type { Readable } from 'node:stream';

/** A complete upload in a file of this server. */
export interface StoredFile {
  path: string;
  bytes: number;
  /** In lower-case hex. */
  sha256: string;
}

/** A store failed in a way that may pass. The message is for the log. */
export class BlobStoreError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'BlobStoreError';
  }
}

/** Reports failures of a disk as failures of the store. */
export async function onDisk<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw new BlobStoreError(`The disk failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** Keeps the bytes of attachments. Keys are made by the gateway, and are never used for other bytes. Failures reject with a BlobStoreError. */
export interface BlobStore {
  /** Stores a file under a key. Resolves when it is durable. The file may be gone then. */
  put(key: string, file: StoredFile): Promise<void>;
  /** Resolves with the stored bytes, or with null if there are none under this key. */
  read(key: string): Promise<Readable | null>;
  /** Succeeds also if there is nothing under this key. */
  remove(key: string): Promise<void>;
}
