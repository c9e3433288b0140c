import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { StartError } from '../../config/start-error.ts';

/** The workspace of the file tools. */
export interface Folder {
  /** Absolute, with all links resolved. */
  root: string;
}

/** An open folder. Replacing its path by another folder does not change what is reached through it. */
export interface FolderHandle {
  /** The path of an entry, through the open folder where the system allows that. */
  pathOf(entry: string): string;
  handle: FileHandle;
}

/** A path leads out of the workspace, possibly through a link. The message is for the model. */
export class OutsideFolder extends Error {
  constructor() {
    super('The path leads out of the workspace.');
  }
}

/** Throws a StartError if `files.root` is not a folder. */
export async function openFolder(path: string): Promise<Folder> {
  const stats = await stat(path).catch(() => null);
  if (!stats?.isDirectory()) {
    throw new StartError(`files.root: there is no folder ${resolve(path)}. Create it, or correct the path.`);
  }
  return { root: await realpath(path) };
}

/** The parts of a path with links resolved, as far as the path exists. Throws OutsideFolder. */
export async function resolveParts({ root }: Folder, parts: readonly string[]): Promise<string[]> {
  for (let existing = parts.length; existing > 0; existing -= 1) {
    const real = await realpath(join(root, ...parts.slice(0, existing))).catch(nullIfMissing);
    if (real !== null) return [...partsWithin(root, real), ...parts.slice(existing)];
  }
  return [...parts];
}

/**
 * Keeps a folder open while `work` runs. Checks the folder after opening it, so that a link that replaces it at the last moment
 * leads nowhere.
 *
 * @param parts of the path, with links resolved
 * @param options `create`: creates missing folders on the path
 */
export async function withFolder<Result>(
  folder: Folder,
  parts: readonly string[],
  { create }: { create: boolean },
  work: (open: FolderHandle) => Promise<Result>,
): Promise<Result> {
  const path = join(folder.root, ...parts);
  const handle = await openDirectory(path).catch((error: unknown) => {
    if (!create || !isMissing(error) || parts.length === 0) throw error;
    return null;
  });
  if (handle === null) {
    await withFolder(folder, parts.slice(0, -1), { create }, ({ pathOf }) => makeFolder(pathOf(parts.at(-1) ?? '')));
    return withFolder(folder, parts, { create: false }, work);
  }
  try {
    await assertInside(folder, handle, path);
    // Linux has a path for the open folder itself. Elsewhere its name is used, and a process that can write into the
    // workspace can replace the folder in between.
    const base = hasHandlePaths ? `/proc/self/fd/${handle.fd}` : path;
    return await work({ handle, pathOf: (entry) => join(base, entry) });
  } finally {
    await handle.close();
  }
}

/** Throws OutsideFolder unless the file that is open under `path` is in the workspace. */
export async function assertInside({ root }: Folder, handle: FileHandle, path: string): Promise<void> {
  if (hasHandlePaths) {
    // The location of the open file, whatever its path refers to by now.
    partsWithin(root, await readlink(`/proc/self/fd/${handle.fd}`));
    return;
  }
  const real = await realpath(path);
  partsWithin(root, real);
  const [opened, named] = await Promise.all([handle.stat(), lstat(real)]);
  if (opened.dev !== named.dev || opened.ino !== named.ino) throw new OutsideFolder();
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

const hasHandlePaths = process.platform === 'linux';

function openDirectory(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

function nullIfMissing(error: unknown): null {
  if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'ENOTDIR')) return null;
  throw error;
}

function partsWithin(root: string, real: string): string[] {
  const inside = relative(root, real);
  if (inside === '') return [];
  const parts = inside.split(sep);
  if (parts[0] === '..' || resolve(root, inside) !== real) throw new OutsideFolder();
  return parts;
}
