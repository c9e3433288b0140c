import { openPostgres } from '../../processes/postgres.ts';
import type { Row } from '../row.ts';
import { appendGoal, measureAppends } from './appends.ts';

export const postgresAppendRow: Row = {
  name: 'postgres-append',
  description: 'the same on Postgres, compared with raw batches by pg',
  async measure(bench) {
    const row = 'postgres-append';
    const postgres = await openPostgres();
    if (typeof postgres === 'string') {
      return { row, series: [], goals: [], errors: 0, notes: [`skipped: ${postgres}`] };
    }
    try {
      const { series, errors } = await measureAppends(bench, postgres.withDatabase);
      return { row, series, goals: [appendGoal('Postgres append', series)], errors, notes: [] };
    } finally {
      await postgres.stop();
    }
  },
};
