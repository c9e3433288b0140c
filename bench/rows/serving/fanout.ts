import { measureDeliveries } from '../../load/followers.ts';
import { ratioGoal } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { startGraphqlWsFanout, startRawWsFanout, startRuntapeFanout } from '../../systems/fanout.ts';
import type { Row } from '../row.ts';
import { withServers } from './servers.ts';

const FOLLOWERS = 1000;
const DELIVERIES = 'deliveries/s';

export const fanoutRow: Row = {
  name: 'fanout',
  description: `live events of one run to ${FOLLOWERS} subscribers, each on its own WebSocket, at the maximum rate`,
  measure: (bench) => {
    const subjects = [
      { name: 'Runtape', start: () => startRuntapeFanout(bench.modelUrl) },
      { name: 'graphql-ws', start: startGraphqlWsFanout },
      { name: 'raw ws', start: startRawWsFanout },
    ];
    return withServers(subjects, async (servers) => {
      for (const server of servers) await measureDeliveries(server, FOLLOWERS, 1);
      const { series, errors } = await measureInRounds(bench.rounds, servers, async (server) => {
        const result = await bench.saturation.during(server.name, () =>
          measureDeliveries(server, FOLLOWERS, bench.seconds),
        );
        const rate = result.deliveries / result.seconds;
        const bytes = result.bytes / result.deliveries;
        bench.log(`${server.name}: ${rate.toFixed(0)} ${DELIVERIES}, ${bytes.toFixed(0)} bytes each`);
        const values = [
          { metric: DELIVERIES, unit: '/s', value: rate },
          { metric: 'bytes of a delivery', unit: 'B', value: bytes },
        ];
        return { values, errors: result.errors };
      });
      const goal = ratioGoal(series, {
        name: `deliveries/s to ${FOLLOWERS} subscribers of one run, against raw ws`,
        metric: DELIVERIES,
        unit: '/s',
        peer: 'raw ws',
        bound: 'at least',
        required: 0.8,
        stretch: 0.9,
      });
      return { row: 'fanout', series, goals: [goal], errors, notes: [] };
    });
  },
};
