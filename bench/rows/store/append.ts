import { join } from 'node:path';
import { makeFolder } from '../../processes/places.ts';
import type { Row } from '../row.ts';
import { appendClaim, measureAppends } from './appends.ts';

async function withFile<Result>(work: (url: string) => Promise<Result>): Promise<Result> {
  const folder = makeFolder();
  try {
    return await work(`file:${join(folder.path, 'runtape.db')}`);
  } finally {
    folder.remove();
  }
}

export const appendRow: Row = {
  name: 'append',
  about: 'durable appends in process, one event each, beside raw batches of as many rows by better-sqlite3',
  async measure(bench) {
    const { series, errors } = await measureAppends(bench, withFile);
    return { row: 'append', series, claims: [appendClaim('durable append in process', series)], errors, notes: [] };
  },
};
