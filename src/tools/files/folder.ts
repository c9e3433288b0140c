import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { StartError } from '../../config/start-error.ts';

/** The folder that the file tools stay in: its real path, all links resolved. */
export interface Folder {
  root: string;
}

/** A folder that is held open, so that nobody can put another one in its place meanwhile. */
export interface HeldFolder {
  /** The path of an entry, reached through what is held. */
  pathOf(entry: string): string;
  handle: FileHandle;
}

/** What the file tools say to the model when a path leads out, be it by a link. */
export class OutsideFolder extends Error {
  constructor() {
    super('The path leads out of the folder of the files.');
  }
}

/** Throws a StartError where the configured folder is none. */
export async function openFolder(path: string): Promise<Folder> {
  const found = await stat(path).catch(() => null);
  if (!found?.isDirectory()) {
    throw new StartError(`files.root: there is no folder ${resolve(path)}. Create it, or correct the path.`);
  }
  return { root: await realpath(path) };
}

/** The parts of a path with every link resolved, as far as the path exists; throws where that is outside. */
export async function resolveParts({ root }: Folder, parts: readonly string[]): Promise<string[]> {
  for (let known = parts.length; known > 0; known -= 1) {
    const real = await realpath(join(root, ...parts.slice(0, known))).catch(absent);
    if (real !== null) return [...partsWithin(root, real), ...parts.slice(known)];
  }
  return [...parts];
}

/**
 * Holds a folder open while `work` goes on. What was opened is looked at after it was opened, so that a link that is put
 * in its place at the last moment leads nowhere. With `create`, missing folders are made on the way.
 */
export async function withFolder<Result>(
  folder: Folder,
  parts: readonly string[],
  { create }: { create: boolean },
  work: (held: HeldFolder) => Promise<Result>,
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
    // On Linux the open folder itself has a path. Elsewhere its name has to do, and a race with somebody who may write
    // into the workspace can be lost.
    const base = hasHandlePaths ? `/proc/self/fd/${handle.fd}` : path;
    return await work({ handle, pathOf: (entry) => join(base, entry) });
  } finally {
    await handle.close();
  }
}

/** Throws unless what is open under `path` lies inside the folder. */
export async function assertInside({ root }: Folder, handle: FileHandle, path: string): Promise<void> {
  if (hasHandlePaths) {
    // The system's own word for where the open file is, whatever became of its path.
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

function absent(error: unknown): null {
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
