import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { onDisk, type StoredFile } from './blob-store.ts';
import { createTextCheck, detectMediaType, SAMPLE_BYTES } from './media-type.ts';

export interface ReceivedFile extends StoredFile {
  mediaType: string;
}

/** Receives uploads into files of this server, before they are stored. */
export interface Uploads {
  /**
   * Writes a stream to a file and resolves when the file is durable; null if the stream is longer than `maxBytes`. Memory does not
   * depend on the length. Rejects if the stream ends early, and with a BlobStoreError if the disk fails. Leaves a file only if it resolves with one.
   */
  receive(stream: Readable, maxBytes: number): Promise<ReceivedFile | null>;
  /** Deletes the file of a received upload, unless a store has moved it. */
  discard(file: StoredFile): Promise<void>;
  /** Deletes what uploads left that were written before a time, in epoch milliseconds: their server was killed. */
  removeLeftovers(before: number): Promise<void>;
}

/** @param folder is created with the first upload */
export function createUploads(folder: string): Uploads {
  const remove = (path: string) => rm(path, { force: true });
  return {
    async receive(stream, maxBytes) {
      await onDisk(mkdir(folder, { recursive: true, mode: 0o700 }));
      const path = join(folder, randomUUID());
      let file: ReceivedFile | null = null;
      try {
        file = await write(path, stream, maxBytes);
        return file;
      } finally {
        if (file === null) await remove(path);
      }
    },
    discard: ({ path }) => remove(path),
    async removeLeftovers(before) {
      const names = await readdir(folder).catch(() => []);
      for (const path of names.map((name) => join(folder, name))) {
        const info = await stat(path).catch(() => null);
        if (info !== null && info.mtimeMs < before) await remove(path);
      }
    },
  };
}

async function write(path: string, stream: Readable, maxBytes: number): Promise<ReceivedFile | null> {
  const hash = createHash('sha256');
  const text = createTextCheck();
  const sample: Buffer[] = [];
  let bytes = 0;
  const handle = await onDisk(open(path, 'wx', 0o600));
  try {
    // The stream stays open after a failure, so that the client gets an answer.
    for await (const piece of stream.iterator({ destroyOnReturn: false })) {
      const chunk: Buffer = piece;
      if (bytes < SAMPLE_BYTES) sample.push(chunk.subarray(0, SAMPLE_BYTES - bytes));
      bytes += chunk.length;
      if (bytes > maxBytes) return null;
      hash.update(chunk);
      text.add(chunk);
      await onDisk(handle.writeFile(chunk));
    }
    await onDisk(handle.sync());
  } finally {
    await handle.close();
  }
  const mediaType = await detectMediaType(Buffer.concat(sample), text.end());
  return { path, bytes, sha256: hash.digest('hex'), mediaType };
}
