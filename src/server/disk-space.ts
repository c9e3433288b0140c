import { dirname } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Configuration } from '../config/configuration.ts';
import { type DiskSpace, watchDiskSpace } from '../database/disk-space.ts';
import type { Logger } from '../logger.ts';

interface Options {
  attachmentsFolder: string;
  clock: Clock;
  logger: Logger;
  freeBytes: ((folder: string) => Promise<number>) | undefined;
}

/** Watches the disks of this server. The disk of Postgres belongs to another machine. */
export function openDiskSpace({ databaseUrl, file }: Configuration, options: Options): Promise<DiskSpace> {
  const path = /^file:(?:\/\/)?([^?]*)/.exec(databaseUrl)?.[1];
  return watchDiskSpace({
    databaseFolder: path === undefined ? null : dirname(path),
    minFreeBytes: file.storage.minFreeBytes,
    ...options,
  });
}
