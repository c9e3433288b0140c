import { cpus } from 'node:os';
import { ratioGoal } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { openPostgres } from '../../processes/postgres.ts';
import { runtapeServers } from '../../systems/runtape.ts';
import { withChatServers } from '../chat-servers.ts';
import type { Row } from '../row.ts';
import { measureRuns, metricOf, UNIT } from './short-runs.ts';

const SERVERS = 3;
const CLIENTS = 64;

export const postgresServersRow: Row = {
  name: 'postgres-servers',
  description: `short runs, ${CLIENTS} at a time, with one and with ${SERVERS} servers on one Postgres`,
  async measure(bench) {
    const row = 'postgres-servers';
    const postgres = await openPostgres();
    if (typeof postgres === 'string') {
      return { row, series: [], goals: [], errors: 0, notes: [`skipped: ${postgres}`] };
    }
    try {
      return await postgres.withDatabase((oneUrl) =>
        postgres.withDatabase((threeUrl) => {
          const [one, three] = [runtapeServers(oneUrl, 1), runtapeServers(threeUrl, SERVERS)];
          return withChatServers(bench, [one, three], async (servers) => {
            const { series, errors } = await measureInRounds(bench.rounds, servers, (server) =>
              measureRuns(bench, server, { tokens: 20, paceMilliseconds: 0 }, [CLIENTS]),
            );
            const goal = ratioGoal(series, {
              name: `short runs/s on Postgres, ${SERVERS} servers against one`,
              metric: metricOf(CLIENTS),
              unit: UNIT,
              subject: three.name,
              peer: one.name,
              bound: 'at least',
              required: 2.2,
              stretch: 2.7,
            });
            const notes = [`${cpus().length} cores for the servers, Postgres, the model and the load generator`];
            return { row, series, goals: [goal], errors, notes };
          });
        }),
      );
    } finally {
      await postgres.stop();
    }
  },
};
