import { measureInRounds } from '../../measure/rounds.ts';
import { openPostgres } from '../../processes/postgres.ts';
import { langGraph } from '../../systems/langgraph.ts';
import { runtape } from '../../systems/runtape.ts';
import { withChatServers } from '../chat-servers.ts';
import type { Row } from '../row.ts';
import { measureShortRuns, shortRunsGoal } from './short-runs.ts';

export const postgresShortRunsRow: Row = {
  name: 'postgres-short-runs',
  description: 'the same short runs, stored in Postgres',
  async measure(bench) {
    const row = 'postgres-short-runs';
    const postgres = await openPostgres();
    if (typeof postgres === 'string') {
      return { row, series: [], goals: [], errors: 0, notes: [`skipped: ${postgres}`] };
    }
    try {
      return await postgres.withDatabase((ourUrl) =>
        postgres.withDatabase((theirUrl) =>
          withChatServers(bench, [runtape(ourUrl), langGraph(theirUrl)], async (servers) => {
            const measured = await measureInRounds(bench.rounds, servers, (server) => measureShortRuns(bench, server));
            const goal = { subject: 'Runtape, Postgres', peer: 'LangGraph + Postgres' };
            const goals = [
              shortRunsGoal(measured.series, 1, { ...goal, required: 1, stretch: 2 }),
              shortRunsGoal(measured.series, 64, { ...goal, required: 3, stretch: 6 }),
            ];
            return { row, ...measured, goals, notes: [] };
          }),
        ),
      );
    } finally {
      await postgres.stop();
    }
  },
};
