import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import { FREE_SPACE_SECONDS } from '../config/limits.ts';
import type { Logger } from '../logger.ts';
import { StoreError } from './store-error.ts';

type Stored = 'messages' | 'uploads';

/** A disk is almost full. The message is for clients. */
export class DiskFullError extends StoreError {
  constructor(refused: Stored) {
    super('unavailable', 'less space is free than storage.minFreeBytes');
    this.message = `A disk of the server is almost full, so new ${refused} are refused. Nothing was stored. Runs in progress continue. Try again later, or tell the operator.`;
  }
}

/** The free space of the disks, as it was found last: no request waits for a system call. */
export interface DiskSpace {
  /** Throws a DiskFullError if these are refused. */
  check(stored: Stored): void;
  /** What is refused, for everyone to read; null if nothing is. */
  problem(): { refused: Stored; message: string } | null;
  close(): Promise<void>;
}

interface DiskSpaceOptions {
  /** Folder of the SQLite file, whose disk takes messages and uploads; null for another database. */
  databaseFolder: string | null;
  /** Of the disk that takes uploads. It need not exist yet. */
  attachmentsFolder: string;
  /** With less free, new messages or uploads are refused; 0 checks nothing. */
  minFreeBytes: number;
  clock: Clock;
  logger: Logger;
  /** Returns the free bytes of the disk that holds an existing folder, null if it is not known. */
  freeBytes?: ((folder: string) => Promise<number | null>) | undefined;
}

/** Finds out how much space is free, and repeats that every few seconds. */
export async function watchDiskSpace(options: DiskSpaceOptions): Promise<DiskSpace> {
  const { databaseFolder, attachmentsFolder, minFreeBytes, clock, logger, freeBytes = freeBytesOf } = options;
  const isLow: Record<Stored, boolean> = { messages: false, uploads: false };
  let cancel = () => {};
  let measuring = Promise.resolve();
  let isClosed = false;

  async function measure(stored: Stored, folder: string): Promise<void> {
    const free = await freeBytes(folder);
    const wasLow = isLow[stored];
    isLow[stored] = free !== null && free < minFreeBytes;
    if (isLow[stored] === wasLow) return;
    const facts = { event: 'disk-space', folder, freeBytes: free, minFreeBytes };
    if (isLow[stored]) logger.error(facts, `the disk is almost full: new ${stored} are refused`);
    else logger.info(facts, `enough space is free again: new ${stored} are accepted`);
  }

  async function measureAll(): Promise<void> {
    if (databaseFolder !== null) await measure('messages', databaseFolder);
    await measure('uploads', attachmentsFolder);
    if (!isClosed) cancel = clock.after(FREE_SPACE_SECONDS * 1000, start);
  }

  function start(): void {
    measuring = measureAll();
  }

  if (minFreeBytes > 0) {
    start();
    await measuring;
  }
  return {
    check(stored) {
      // The row of an upload is stored in the database too.
      if (isLow[stored] || isLow.messages) throw new DiskFullError(stored);
    },
    problem() {
      if (isLow.messages) return { refused: 'messages', message: 'the disk of the database is almost full' };
      if (isLow.uploads) return { refused: 'uploads', message: 'the disk of the attachments is almost full' };
      return null;
    },
    async close() {
      isClosed = true;
      cancel();
      await measuring;
    },
  };
}

/** What this process may still use. Of a folder that does not exist yet, the next one above it counts. */
async function freeBytesOf(folder: string): Promise<number | null> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const disk = await statfs(path).catch(() => null);
    // Some file systems report no size.
    if (disk !== null) return disk.blocks > 0 ? disk.bavail * disk.bsize : null;
    if (path === dirname(path)) return null;
  }
}
