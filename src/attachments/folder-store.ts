import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { type BlobStore, onDisk, type StoredFile } from './blob-store.ts';

/** Keeps blobs as files below a folder, which is created when the first one is stored. */
export function createFolderStore(folder: string): BlobStore {
  const pathOf = (key: string) => join(folder, key);
  return {
    put: (key, file) => onDisk(move(file, pathOf(key))),
    read: (key) => onDisk(openFile(pathOf(key))),
    remove: (key) => onDisk(rm(pathOf(key), { force: true })),
  };
}

/** The file is durable already; afterwards its new name is durable too. */
async function move(file: StoredFile, path: string): Promise<void> {
  let folder = dirname(path);
  const created = await mkdir(folder, { recursive: true, mode: 0o700 });
  await rename(file.path, path);
  await syncFolder(folder);
  while (created !== undefined && folder !== dirname(created)) {
    folder = dirname(folder);
    await syncFolder(folder);
  }
}

function openFile(path: string): Promise<Readable | null> {
  const stream = createReadStream(path);
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve(stream));
    stream.once('error', (error) => (isAbsent(error) ? resolve(null) : reject(error)));
  });
}

const isAbsent = (error: NodeJS.ErrnoException) => error.code === 'ENOENT';

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
