import { expect, test } from 'vitest';
import { DiskFullError, watchDiskSpace } from '../../../src/database/disk-space.ts';
import { createLogger } from '../../../src/logger.ts';
import { createFakeClock } from '../fake-clock.ts';

const logger = createLogger('silent');

async function watch(minFreeBytes: number, databaseFolder: string | null = '/db') {
  const clock = createFakeClock();
  const free: Record<string, number | null> = { '/db': 1000, '/files': 1000 };
  const measured: string[] = [];
  const diskSpace = await watchDiskSpace({
    databaseFolder,
    attachmentsFolder: '/files',
    minFreeBytes,
    clock,
    logger,
    async freeBytes(folder) {
      measured.push(folder);
      return free[folder] ?? null;
    },
  });
  const refused = () =>
    (['messages', 'uploads'] as const).filter((stored) => {
      try {
        diskSpace.check(stored);
        return false;
      } catch (error) {
        expect(error).toBeInstanceOf(DiskFullError);
        return true;
      }
    });
  return { clock, free, measured, diskSpace, refused };
}

test('B109: what a disk takes is refused while it has less space than configured, at the latest ten seconds later', async () => {
  const { clock, free, diskSpace, refused } = await watch(500);
  expect(refused()).toEqual([]);
  free['/db'] = 499;
  expect(refused()).toEqual([]);
  await clock.advance(10_000);
  expect(refused()).toEqual(['messages', 'uploads']);
  expect(diskSpace.problem()).toMatchObject({ refused: 'messages' });
  free['/db'] = 500;
  free['/files'] = 0;
  await clock.advance(10_000);
  expect(refused()).toEqual(['uploads']);
  expect(diskSpace.problem()).toMatchObject({ refused: 'uploads' });
  free['/files'] = 1000;
  await clock.advance(10_000);
  expect(refused()).toEqual([]);
  expect(diskSpace.problem()).toBeNull();
  await diskSpace.close();
  expect(clock.pending()).toBe(0);
});

test('the disk of another database is not measured, nothing is with 0, and an unknown size refuses nothing', async () => {
  const postgres = await watch(500, null);
  expect(postgres.measured).toEqual(['/files']);
  const off = await watch(0);
  expect([off.measured, off.clock.pending()]).toEqual([[], 0]);
  const { clock, free, refused } = await watch(500);
  free['/db'] = null;
  await clock.advance(10_000);
  expect(refused()).toEqual([]);
});

test('the space of a real disk is known, also for a folder that does not exist yet', async () => {
  const clock = createFakeClock();
  const folders = { databaseFolder: import.meta.dirname, attachmentsFolder: `${import.meta.dirname}/none/yet` };
  const diskSpace = await watchDiskSpace({ ...folders, minFreeBytes: Number.MAX_SAFE_INTEGER, clock, logger });
  expect(() => diskSpace.check('messages')).toThrow(
    'A disk of the server is almost full, so new messages are refused.',
  );
  const enough = await watchDiskSpace({ ...folders, minFreeBytes: 1, clock, logger });
  expect(enough.problem()).toBeNull();
});
