import { join } from 'node:path';
import { startRuntape } from '../../contestants/runtape-server.ts';
import { askRepeatedly } from '../../load/asking.ts';
import { postRequest } from '../../load/http-connection.ts';
import { type Claim, medianOf, ratioText, type Series } from '../../measure/result.ts';
import { inTurns } from '../../measure/turns.ts';
import { start } from '../../processes/child.ts';
import { benchFolder } from '../../processes/places.ts';
import type { Row } from '../row.ts';
import { withServers } from './servers.ts';

const QUERY = '{ viewer { principal } }';
const CONNECTIONS = 16;
const ANSWERS = 'answers/s';

const peer = (file: string) => () => start({ script: join(benchFolder, 'peers', file), folder: benchFolder });

function claims(series: Series[]): Claim[] {
  const rate = (who: string) => medianOf(series, who, ANSWERS);
  const [ours, yoga, plain] = [rate('Runtape'), rate('graphql-yoga'), rate('node:http')];
  return [
    {
      what: 'trivial query against graphql-yoga as it comes',
      asked: '≥ 3 ×',
      stretch: '≥ ½ of node:http',
      measured: `${ratioText(ours, yoga, '/s')}; ${ratioText(ours, plain, '/s of node:http')}`,
      met: ours >= 3 * yoga,
      stretchMet: ours >= 0.5 * plain,
    },
  ];
}

export const trivialQueryRow: Row = {
  name: 'trivial-query',
  about: `${QUERY} by POST, over ${CONNECTIONS} connections`,
  measure: (bench) => {
    const subjects = [
      { name: 'Runtape', start: () => startRuntape({ modelUrl: bench.modelUrl }) },
      { name: 'graphql-yoga', start: peer('yoga.mjs') },
      { name: 'node:http', start: peer('node-http.mjs') },
    ];
    return withServers(subjects, async (servers) => {
      const ask = ({ url }: { url: string }, seconds: number) =>
        askRepeatedly(url, [postRequest(url, { query: QUERY })], { connections: CONNECTIONS, seconds });
      for (const server of servers) await ask(server, bench.seconds);
      const { series, errors } = await inTurns(bench.rounds, servers, async (server) => {
        const asked = await bench.watch.during(server.name, () => ask(server, bench.seconds));
        bench.say(`${server.name}: ${asked.rate.toFixed(0)} ${ANSWERS}`);
        return { values: [{ what: ANSWERS, unit: '/s', value: asked.rate }], errors: asked.errors };
      });
      return { row: 'trivial-query', series, claims: claims(series), errors, notes: [] };
    });
  },
};
