import { FILE_PATH_BYTES } from '../../config/limits.ts';

/** The parts of a path that stays inside its folder as far as its text tells, or why it does not. */
export type ParsedPath = { ok: true; parts: string[] } | { ok: false; error: string };

/** Reads a path that a model wrote: relative, with `/`, without `..`. Links are looked at when it is opened. */
export function parsePath(path: string): ParsedPath {
  const problem = problemOf(path);
  if (problem !== null) return { ok: false, error: `The path ${JSON.stringify(path.slice(0, 200))} ${problem}` };
  return { ok: true, parts: path.split('/').filter((part) => part !== '' && part !== '.') };
}

function problemOf(path: string): string | null {
  if (path.includes('\0')) return 'has a NUL character in it.';
  if (!path.isWellFormed()) return 'has half a character in it.';
  if (Buffer.byteLength(path) > FILE_PATH_BYTES) return `is longer than ${FILE_PATH_BYTES} bytes.`;
  // Windows reads these as drives, separators and streams.
  if (path.includes('\\')) return 'has a backslash in it: write / between folders.';
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path))
    return 'is absolute: write it as seen from the folder of the files.';
  if (path.split('/').includes('..')) return 'leads upwards: ".." is not allowed.';
  return null;
}
