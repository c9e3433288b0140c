import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { postRequest } from '../../load/http-connection.ts';
import { sendRepeatedly } from '../../load/http-load.ts';
import { formatNumber, type Goal, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds, type Sample } from '../../measure/rounds.ts';
import { promptText } from '../../model/prompt.ts';
import { newSessionKey, sendAndFollow } from '../../systems/runtape.ts';
import { type RuntapeServer, startRuntape } from '../../systems/runtape-server.ts';
import type { Row } from '../row.ts';
import { withServers } from './servers.ts';

const CONNECTIONS = 8;
const PAGE_EVENTS = 100;
/** At this pace, nearly every token becomes an event. */
const TOKENS = 1500;
const PACE_MILLISECONDS = 3;
const REQUIRED_RATE = 1000;
const STRETCH_RATE = 2000;

/** Selects `__typename` everywhere, like the documents that Apollo Client and urql send. */
const pageQuery = (fields: string) => `query Page($id: ID!, $after: String) {
  run(id: $id) {
    tape(first: ${PAGE_EVENTS}, after: $after) {
      nodes { ${fields} __typename }
      pageInfo { hasNextPage endCursor __typename }
      __typename
    }
    __typename
  }
}`;

const SHOWN_FIELDS = 'as a client shows them';
const ALL_FIELDS = 'with payload and hash';
const fieldsByMetric: Record<string, string> = {
  [SHOWN_FIELDS]: 'seq cursor type recordedAt ... on OutputDeltaEvent { text __typename }',
  [ALL_FIELDS]: 'runId seq cursor type actor recordedAt payload hash',
};

interface PageData {
  run: { tape: { nodes: unknown[]; pageInfo: { hasNextPage: boolean; endCursor: string } } };
}

/** Writes a long tape. Returns the requests for its full pages, by metric. */
async function writeTape(server: RuntapeServer): Promise<Map<string, Buffer[]>> {
  const client = await openGraphqlSocket(server.url);
  const text = promptText({ tokens: TOKENS, paceMilliseconds: PACE_MILLISECONDS });
  const sessionKey = newSessionKey();
  await sendAndFollow(client, { sessionKey, text });
  const { session } = await client.request<{ session: { lastRun: { id: string } } }>(
    'query LastRun($key: String!) { session(key: $key) { lastRun { id } } }',
    { key: sessionKey },
  );
  const { id } = session.lastRun;
  const cursors: (string | null)[] = [];
  for (let after: string | null = null, hasNextPage = true; hasNextPage; ) {
    const { run }: PageData = await client.request<PageData>(pageQuery('seq'), { id, after });
    if (run.tape.nodes.length === PAGE_EVENTS) cursors.push(after);
    after = run.tape.pageInfo.endCursor;
    hasNextPage = run.tape.pageInfo.hasNextPage;
  }
  client.close();
  const requestsFor = (fields: string) =>
    cursors.map((after) => postRequest(server.url, { query: pageQuery(fields), variables: { id, after } }));
  return new Map(Object.entries(fieldsByMetric).map(([metric, fields]) => [metric, requestsFor(fields)]));
}

function goalOf(series: Series[]): Goal {
  const [shown, all] = [medianOf(series, 'Runtape', SHOWN_FIELDS), medianOf(series, 'Runtape', ALL_FIELDS)];
  return {
    name: `tape pages of ${PAGE_EVENTS} over GraphQL`,
    required: `≥ ${formatNumber(REQUIRED_RATE)}/s`,
    stretch: `${formatNumber(STRETCH_RATE)}/s`,
    measured: `${formatNumber(shown)}/s; ${ALL_FIELDS} ${formatNumber(all)}/s`,
    met: shown >= REQUIRED_RATE,
    stretchMet: shown >= STRETCH_RATE,
  };
}

export const tapePagesRow: Row = {
  name: 'tape-pages',
  description: `pages of ${PAGE_EVENTS} events by POST, over ${CONNECTIONS} connections`,
  measure: (bench) =>
    withServers([{ name: 'Runtape', start: () => startRuntape({ modelUrl: bench.modelUrl }) }], async (servers) => {
      const [server] = servers;
      if (!server) throw new Error('The server is missing.');
      const requestsByMetric = await writeTape(server);
      bench.log(`the tape has ${requestsByMetric.get(SHOWN_FIELDS)?.length ?? 0} full pages`);
      const measure = async ({ name, url }: { name: string; url: string }): Promise<Sample> => {
        const sample: Sample = { values: [], errors: 0 };
        for (const [metric, requests] of requestsByMetric) {
          const load = { connections: CONNECTIONS, seconds: bench.seconds };
          const result = await bench.saturation.during(name, () => sendRepeatedly(url, requests, load));
          sample.values.push({ metric, unit: 'pages/s', value: result.rate });
          sample.errors += result.errors;
          bench.log(`${metric}: ${result.rate.toFixed(0)} pages/s`);
        }
        return sample;
      };
      await measure(server);
      const { series, errors } = await measureInRounds(bench.rounds, servers, measure);
      return { row: 'tape-pages', series, goals: [goalOf(series)], errors, notes: [] };
    }),
};
