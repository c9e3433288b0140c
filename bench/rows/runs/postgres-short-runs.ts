import { langGraph } from '../../contestants/langgraph.ts';
import { runtape } from '../../contestants/runtape.ts';
import { inTurns } from '../../measure/turns.ts';
import { findPostgres } from '../../processes/postgres.ts';
import type { Row } from '../row.ts';
import { withTalkers } from '../talkers.ts';
import { shortRuns } from './short-runs.ts';

export const postgresShortRunsRow: Row = {
  name: 'postgres-short-runs',
  about: 'the same short runs with everything kept in Postgres',
  async measure(bench) {
    const row = 'postgres-short-runs';
    const postgres = await findPostgres();
    if (typeof postgres === 'string')
      return { row, series: [], claims: [], errors: 0, notes: [`skipped: ${postgres}`] };
    try {
      return await postgres.withDatabase((ours) =>
        postgres.withDatabase((theirs) =>
          withTalkers(bench, [runtape(ours), langGraph(theirs)], async (talkers) => {
            const measured = await inTurns(bench.rounds, talkers, (talker) => shortRuns(bench, talker));
            return { row, ...measured, claims: [], notes: [] };
          }),
        ),
      );
    } finally {
      await postgres.stop();
    }
  },
};
