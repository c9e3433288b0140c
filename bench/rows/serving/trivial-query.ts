import { join } from 'node:path';
import { clientHeaders } from '../../../test/client-headers.ts';
import { postRequest } from '../../load/http-connection.ts';
import { sendRepeatedly } from '../../load/http-load.ts';
import { formatRatio, type Goal, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { startProcess } from '../../processes/child.ts';
import { benchFolder } from '../../processes/folders.ts';
import { startRuntape } from '../../systems/runtape-server.ts';
import type { Row } from '../row.ts';
import { withServers } from './servers.ts';

const QUERY = '{ viewer { principal } }';
const CONNECTIONS = 16;
const RATE = 'answers/s';

/** The same request with the `Accept` header of each client in turn. */
const requestsTo = (url: string) =>
  clientHeaders.flatMap(({ accept }) => (accept ? [postRequest(url, { query: QUERY }, accept)] : []));

const startPeer = (file: string) => () =>
  startProcess({ script: join(benchFolder, 'peers', file), folder: benchFolder });

function goalOf(series: Series[]): Goal {
  const rateOf = (subject: string) => medianOf(series, subject, RATE);
  const [ours, yoga, nodeHttp] = [rateOf('Runtape'), rateOf('graphql-yoga'), rateOf('node:http')];
  return {
    name: 'trivial query against graphql-yoga with its defaults',
    required: '≥ 3 ×',
    stretch: '≥ ½ of node:http',
    measured: `${formatRatio(ours, yoga, '/s')}; ${formatRatio(ours, nodeHttp, '/s of node:http')}`,
    met: ours >= 3 * yoga,
    stretchMet: ours >= 0.5 * nodeHttp,
  };
}

export const trivialQueryRow: Row = {
  name: 'trivial-query',
  description: `${QUERY} by POST, over ${CONNECTIONS} connections`,
  measure: (bench) => {
    const subjects = [
      { name: 'Runtape', start: () => startRuntape({ modelUrl: bench.modelUrl }) },
      { name: 'graphql-yoga', start: startPeer('yoga.mjs') },
      { name: 'node:http', start: startPeer('node-http.mjs') },
    ];
    return withServers(subjects, async (servers) => {
      const { seconds } = bench;
      const sendQueries = ({ url }: { url: string }) =>
        sendRepeatedly(url, requestsTo(url), { connections: CONNECTIONS, seconds });
      for (const server of servers) await sendQueries(server);
      const { series, errors } = await measureInRounds(bench.rounds, servers, async (server) => {
        const result = await bench.saturation.during(server.name, () => sendQueries(server));
        bench.log(`${server.name}: ${result.rate.toFixed(0)} ${RATE}`);
        return { values: [{ metric: RATE, unit: '/s', value: result.rate }], errors: result.errors };
      });
      return { row: 'trivial-query', series, goals: [goalOf(series)], errors, notes: [] };
    });
  },
};
