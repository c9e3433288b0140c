import { join } from 'node:path';
import { createFolder } from '../../processes/folders.ts';
import type { Row } from '../row.ts';
import { appendGoal, measureAppends } from './appends.ts';

async function withFile<Result>(use: (url: string) => Promise<Result>): Promise<Result> {
  const folder = createFolder();
  try {
    return await use(`file:${join(folder.path, 'runtape.db')}`);
  } finally {
    folder.remove();
  }
}

export const appendRow: Row = {
  name: 'append',
  description: 'durable appends of one event in process, compared with raw batches of as many rows by better-sqlite3',
  async measure(bench) {
    const { series, errors } = await measureAppends(bench, withFile);
    return { row: 'append', series, goals: [appendGoal('durable append in process', series)], errors, notes: [] };
  },
};
