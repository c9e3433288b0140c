import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_LIST_ENTRIES, FILE_READ_BYTES } from '../../config/limits.ts';
import {
  assertInside,
  type Folder,
  type FolderHandle,
  isMissing,
  OutsideFolder,
  resolveParts,
  withFolder,
} from './folder.ts';

export interface FolderEntry {
  name: string;
  kind: 'file' | 'folder' | 'link' | 'other';
  /** Null except for a file. */
  bytes: number | null;
}

/** At most FILE_LIST_ENTRIES entries of a folder, sorted by name. */
export async function listFolder(
  folder: Folder,
  path: readonly string[],
): Promise<{ entries: FolderEntry[]; isComplete: boolean }> {
  const parts = await resolveParts(folder, path);
  return withFolder(folder, parts, { create: false }, async ({ pathOf }) => {
    const names: string[] = [];
    let isComplete = true;
    // In the order of the disk: sorting first would mean reading the names of all entries.
    for await (const { name } of await opendir(pathOf('.'))) {
      if (names.length === FILE_LIST_ENTRIES) {
        isComplete = false;
        break;
      }
      names.push(name);
    }
    const entries: FolderEntry[] = [];
    for (const name of names.sort()) {
      const entry = await describeEntry(pathOf(name), name);
      if (entry) entries.push(entry);
    }
    return { entries, isComplete };
  });
}

/** Null if the entry was removed in the meantime. */
async function describeEntry(path: string, name: string): Promise<FolderEntry | null> {
  const stats = await lstatIfPresent(path);
  if (!stats) return null;
  if (stats.isFile()) return { name, kind: 'file', bytes: stats.size };
  const kind = stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'other';
  return { name, kind, bytes: null };
}

/** Reads a whole file of at most FILE_READ_BYTES. */
export async function readWhole(folder: Folder, path: readonly string[]): Promise<Buffer> {
  const { parent, name } = splitPath(await resolveParts(folder, path));
  return withFolder(folder, parent, { create: false }, async (opened) => {
    const handle = await openFile(folder, opened, parent, name);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new Error('It is not a file.');
      if (stats.size > FILE_READ_BYTES) {
        throw new Error(`It has ${stats.size} bytes, more than the ${FILE_READ_BYTES} that can be read.`);
      }
      return await readAtMost(handle, FILE_READ_BYTES);
    } finally {
      await handle.close();
    }
  });
}

/** Does not follow a link, and does not wait for a writer if it is a pipe. */
async function openFile(
  folder: Folder,
  opened: FolderHandle,
  parent: readonly string[],
  name: string,
): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(opened.pathOf(name), flags).catch((error: NodeJS.ErrnoException) => {
    // Links were resolved before, so this one was created in the meantime.
    throw error.code === 'ELOOP' ? new OutsideFolder() : error;
  });
  try {
    await assertInside(folder, handle, join(folder.root, ...parent, name));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file that grows while it is read is cut. */
async function readAtMost(handle: FileHandle, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < bytes) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(64 * 1024, bytes - length)));
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

/**
 * Writes a file durably, as a whole or not at all: to a temporary file beside it, which is synced and renamed. Creates missing
 * folders. A replaced file keeps its permissions.
 */
export async function writeWhole(
  folder: Folder,
  path: readonly string[],
  content: Buffer,
): Promise<{ created: boolean }> {
  const { parent, name } = splitPath(await resolveParts(folder, path));
  return withFolder(folder, parent, { create: true }, async (opened) => {
    const existing = await lstatIfPresent(opened.pathOf(name));
    if (existing && !existing.isFile() && !existing.isSymbolicLink()) {
      throw new Error('It is a folder, or something else that is not a file.');
    }
    const temporary = `.${randomBytes(8).toString('hex')}.tmp`;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = await open(opened.pathOf(temporary), flags, 0o666);
    try {
      await assertInside(folder, handle, join(folder.root, ...parent, temporary));
      if (existing?.isFile()) await handle.chmod(existing.mode & 0o777);
      await handle.writeFile(content);
      await handle.sync();
      await rename(opened.pathOf(temporary), opened.pathOf(name));
    } catch (error) {
      await unlink(opened.pathOf(temporary)).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
    await opened.handle.sync();
    return { created: existing === null };
  });
}

function lstatIfPresent(path: string) {
  return lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
}

function splitPath(parts: string[]): { parent: string[]; name: string } {
  const name = parts.at(-1);
  if (name === undefined) throw new Error('It is the workspace itself.');
  return { parent: parts.slice(0, -1), name };
}
