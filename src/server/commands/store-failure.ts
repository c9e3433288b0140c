import { StartError } from '../../config/start-error.ts';
import { describeUrl } from '../../database/open-database.ts';
import { isStoreFault, toStoreError } from '../../database/store-error.ts';

/** Runs a command. A failure of the database becomes a StartError, which is printed without a stack. */
export async function withStoreFailures<T>(databaseUrl: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isStoreFault(error)) throw error;
    const advice =
      'If the disk is full, make room. If the file is damaged, restore it from a backup: `verify` tells what is damaged.';
    throw new StartError(
      `The database ${describeUrl(databaseUrl)} cannot be used: ${toStoreError(error).detail}. ${advice}`,
      error,
    );
  }
}
