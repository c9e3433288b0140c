import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StartError } from '../../config/start-error.ts';

/** The folder itself, or the nearest one above it that exists. */
export function existingFolder(path: string): string {
  let folder = resolve(path);
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}

/** Checks that a server can write to the folder, or create it, and changes nothing. Throws a StartError. */
export function checkWritable(path: string): void {
  try {
    // The slash makes a file in the place of the folder fail.
    accessSync(`${existingFolder(path)}/`, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const advice = 'Check the path and its permissions.';
    throw new StartError(`The folder ${resolve(path)} cannot be written: ${reason}. ${advice}`, error);
  }
}
