import { findPostgres } from '../../processes/postgres.ts';
import type { Row } from '../row.ts';
import { appendClaim, measureAppends } from './appends.ts';

export const postgresAppendRow: Row = {
  name: 'postgres-append',
  about: 'the same on Postgres, beside raw batches by pg',
  async measure(bench) {
    const row = 'postgres-append';
    const postgres = await findPostgres();
    if (typeof postgres === 'string')
      return { row, series: [], claims: [], errors: 0, notes: [`skipped: ${postgres}`] };
    try {
      const { series, errors } = await measureAppends(bench, postgres.withDatabase);
      return { row, series, claims: [appendClaim('Postgres append', series)], errors, notes: [] };
    } finally {
      await postgres.stop();
    }
  },
};
