import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_LIST_ENTRIES, FILE_READ_BYTES } from '../../config/limits.ts';
import {
  assertInside,
  type Folder,
  type HeldFolder,
  isMissing,
  OutsideFolder,
  resolveParts,
  withFolder,
} from './folder.ts';

export interface FolderEntry {
  name: string;
  kind: 'file' | 'folder' | 'link' | 'other';
  /** Of a file. */
  bytes: number | null;
}

/** What a folder holds, by name, as far as the bound goes. */
export async function listFolder(folder: Folder, path: readonly string[]) {
  const parts = await resolveParts(folder, path);
  return withFolder(folder, parts, { create: false }, async ({ pathOf }) => {
    const names: string[] = [];
    let isComplete = true;
    // Its names are read in the order of the disk: beyond the bound no order would be worth more.
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

async function describeEntry(path: string, name: string): Promise<FolderEntry | null> {
  const found = await lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (!found) return null;
  if (found.isFile()) return { name, kind: 'file', bytes: found.size };
  const kind = found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other';
  return { name, kind, bytes: null };
}

/** The bytes of a whole file. */
export async function readWhole(folder: Folder, path: readonly string[]): Promise<Buffer> {
  const { parent, name } = parted(await resolveParts(folder, path));
  return withFolder(folder, parent, { create: false }, async (held) => {
    const handle = await openFile(folder, held, parent, name);
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new Error('It is not a file.');
      if (found.size > FILE_READ_BYTES) {
        throw new Error(`It has ${found.size} bytes, more than the ${FILE_READ_BYTES} that can be read.`);
      }
      return await readAtMost(handle, FILE_READ_BYTES);
    } finally {
      await handle.close();
    }
  });
}

/** Opened without following a last link and without waiting for the other end of a pipe. */
async function openFile(
  folder: Folder,
  held: HeldFolder,
  parent: readonly string[],
  name: string,
): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(held.pathOf(name), flags).catch((error: NodeJS.ErrnoException) => {
    // Links were resolved before: one that is there now was put there meanwhile.
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

/** A file may grow while it is read; what it has beyond the bound is then left out. */
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
 * Puts a file in its place as a whole or not at all, and durably: it is written beside, synced, and renamed.
 * Missing folders are made. Resolves with whether there was none before.
 */
export async function writeWhole(
  folder: Folder,
  path: readonly string[],
  content: Buffer,
): Promise<{ created: boolean }> {
  const { parent, name } = parted(await resolveParts(folder, path));
  return withFolder(folder, parent, { create: true }, async (held) => {
    const before = await lstat(held.pathOf(name)).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw error;
    });
    if (before && !before.isFile() && !before.isSymbolicLink())
      throw new Error('It is a folder, or something else that is no file.');
    const beside = `.${randomBytes(8).toString('hex')}.tmp`;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = await open(held.pathOf(beside), flags, 0o666);
    try {
      await assertInside(folder, handle, join(folder.root, ...parent, beside));
      if (before?.isFile()) await handle.chmod(before.mode & 0o777);
      await handle.writeFile(content);
      await handle.sync();
      await rename(held.pathOf(beside), held.pathOf(name));
    } catch (error) {
      await unlink(held.pathOf(beside)).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
    await held.handle.sync();
    return { created: before === null };
  });
}

function parted(parts: string[]): { parent: string[]; name: string } {
  const name = parts.at(-1);
  if (name === undefined) throw new Error('It is the folder of the files itself.');
  return { parent: parts.slice(0, -1), name };
}
