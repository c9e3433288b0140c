import DataLoader from 'dataloader';
import type { CommandContext } from '../application/command-context.ts';
import * as limits from '../config/limits.ts';
import { storedTextLengths, storedTextsByIds } from '../repositories/stored-texts.ts';
import { resultTooLong } from './public-errors.ts';

/**
 * Loads texts that are stored beside the tape, by their ids; null for one that does not exist. Reads them in parts, and fails for
 * those that make the result too long: one page can name more texts than fit in memory.
 */
export function createStoredTextLoader(
  database: CommandContext['database'],
  maxBatchSize: number,
): DataLoader<string, string | null> {
  let roomBytes = limits.RESULT_BYTES;

  /** The ids that are read together. */
  function partsOf(lengths: ReadonlyMap<string, number>): string[][] {
    const parts: string[][] = [];
    let partBytes = 0;
    for (const [id, bytes] of lengths) {
      roomBytes -= bytes;
      if (roomBytes < 0) break;
      const part = partBytes < limits.RESULT_READ_BYTES ? parts.at(-1) : undefined;
      if (part) part.push(id);
      else parts.push([id]);
      partBytes = part ? partBytes + bytes : bytes;
    }
    return parts;
  }

  return new DataLoader<string, string | null>(
    async (ids) => {
      const lengths = await storedTextLengths(database, ids);
      const texts = new Map<string, string>();
      for (const part of partsOf(lengths)) {
        for (const [id, text] of await storedTextsByIds(database, part)) texts.set(id, text);
      }
      return ids.map((id) => texts.get(id) ?? (lengths.has(id) ? resultTooLong() : null));
    },
    { maxBatchSize },
  );
}
