import { StartError } from '../../config/start-error.ts';

/** A setting of a connection. */
export interface Pragma {
  name: string;
  value: string;
  /** What SQLite reports when the setting is in effect. */
  reported: string;
}

export const readOnlyPragmas: readonly Pragma[] = [{ name: 'query_only', value: 'ON', reported: '1' }];

export function writePragmas(durability: 'full' | 'normal'): readonly Pragma[] {
  return [
    { name: 'foreign_keys', value: 'ON', reported: '1' },
    { name: 'journal_mode', value: 'WAL', reported: 'wal' },
    // Overwrites what is deleted, so that a purged text does not stay in free pages.
    { name: 'secure_delete', value: 'ON', reported: '1' },
    durability === 'full'
      ? { name: 'synchronous', value: 'FULL', reported: '2' }
      : { name: 'synchronous', value: 'NORMAL', reported: '1' },
  ];
}

/**
 * Throws a StartError unless the setting is in effect. SQLite reports no error when it refuses one: where the file system cannot
 * share memory between processes, it keeps the old journal mode.
 */
export function checkPragma(path: string, { name, value, reported }: Pragma, answer: unknown): void {
  if (String(answer) === reported) return;
  throw new StartError(
    `SQLite refused "${name} = ${value}" for the database ${path}: it uses "${answer}". ` +
      'Move the file to a local file system; network file systems lack what SQLite needs.',
  );
}
