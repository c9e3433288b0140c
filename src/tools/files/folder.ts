import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { StartError } from '../../config/start-error.ts';

/** A folder that file tools work in. */
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

/**
 * Opens `files.root`, below which each principal has a folder. Throws a StartError if it is not a folder, or holds one of our own
 * files, which tools must not read or replace.
 *
 * @param ownFiles their paths, by what they are; they need not exist
 */
export async function openFolder(path: string, ownFiles: Readonly<Record<string, string>> = {}): Promise<Folder> {
  const stats = await stat(path).catch(() => null);
  if (!stats?.isDirectory()) {
    throw new StartError(`files.root: there is no folder ${resolve(path)}. Create it, or correct the path.`);
  }
  const root = await realpath(path);
  for (const [what, file] of Object.entries(ownFiles)) {
    if (isInside(root, await resolveLinks(resolve(file)))) {
      throw new StartError(
        `files.root: the folder ${resolve(path)} holds ${what}, ${resolve(file)}. Use a folder for the files of the tools alone.`,
      );
    }
  }
  return { root };
}

/** The folder of one principal, which is created when it is first used. */
export async function folderOfPrincipal({ root }: Folder, principal: string): Promise<Folder> {
  const path = join(root, folderName(principal));
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  // Only the operator can put a link here, and two principals must not share a folder by accident.
  if ((await realpath(path)) !== path) throw new OutsideFolder();
  return { root: path };
}

const plainName = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** The name of a principal where every file system keeps it apart from others; else a hash, which has a `~` that no name has. */
function folderName(principal: string): string {
  if (plainName.test(principal) && !principal.endsWith('.')) return principal;
  return `~${createHash('sha256').update(principal).digest('hex').slice(0, 40)}`;
}

/** An absolute path with the links of its existing part resolved. */
async function resolveLinks(path: string): Promise<string> {
  const real = await realpath(path).catch(nullIfMissing);
  if (real !== null || dirname(path) === path) return real ?? path;
  return join(await resolveLinks(dirname(path)), basename(path));
}

function isInside(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && resolve(root, inside) === path;
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
