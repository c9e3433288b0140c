import { newSessionKey, talk } from '../../contestants/runtape.ts';
import { type RuntapeServer, startRuntape } from '../../contestants/runtape-server.ts';
import { askRepeatedly } from '../../load/asking.ts';
import { openGraphqlSocket } from '../../load/graphql-socket.ts';
import { postRequest } from '../../load/http-connection.ts';
import { type Claim, medianOf, type Series, shown } from '../../measure/result.ts';
import { inTurns, type Sample } from '../../measure/turns.ts';
import { promptText } from '../../model/prompt.ts';
import type { Row } from '../row.ts';
import { withServers } from './servers.ts';

const CONNECTIONS = 8;
const PAGE_EVENTS = 100;
/** Slow enough that nearly each of them becomes an event. */
const TOKENS = 1500;
const PACE_MILLISECONDS = 3;
const ASKED = 1000;
const STRETCH = 2000;

const page = (fields: string) => `query Page($id: ID!, $after: String) {
  run(id: $id) { tape(first: ${PAGE_EVENTS}, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }
}`;

const SHOWN = 'as a client shows them';
const WHOLE = 'with payload and hash';
const selections: Record<string, string> = {
  [SHOWN]: '__typename seq cursor type recordedAt ... on OutputDeltaEvent { text }',
  [WHOLE]: '__typename runId seq cursor type actor recordedAt payload hash',
};

interface Page {
  run: { tape: { nodes: unknown[]; pageInfo: { hasNextPage: boolean; endCursor: string } } };
}

/** A long tape, and the requests for its full pages. */
async function writeTape(server: RuntapeServer): Promise<Map<string, Buffer[]>> {
  const client = await openGraphqlSocket(server.url);
  const text = promptText({ tokens: TOKENS, pace: PACE_MILLISECONDS });
  const key = newSessionKey();
  await talk(client, key, text, false);
  const found = await client.ask<{ session: { lastRun: { id: string } } }>(
    'query Last($key: String!) { session(key: $key) { lastRun { id } } }',
    { key },
  );
  const { id } = found.session.lastRun;
  const cursors: (string | null)[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { run }: Page = await client.ask<Page>(page('seq'), { id, after });
    if (run.tape.nodes.length === PAGE_EVENTS) cursors.push(after);
    after = run.tape.pageInfo.endCursor;
    more = run.tape.pageInfo.hasNextPage;
  }
  client.close();
  return new Map(
    Object.entries(selections).map(([what, fields]) => [
      what,
      cursors.map((after) => postRequest(server.url, { query: page(fields), variables: { id, after } })),
    ]),
  );
}

function claim(series: Series[]): Claim {
  const [ours, whole] = [medianOf(series, 'Runtape', SHOWN), medianOf(series, 'Runtape', WHOLE)];
  return {
    what: `tape pages of ${PAGE_EVENTS} over GraphQL`,
    asked: `≥ ${shown(ASKED)}/s`,
    stretch: `${shown(STRETCH)}/s`,
    measured: `${shown(ours)}/s; ${WHOLE} ${shown(whole)}/s`,
    met: ours >= ASKED,
    stretchMet: ours >= STRETCH,
  };
}

export const tapePagesRow: Row = {
  name: 'tape-pages',
  about: `pages of ${PAGE_EVENTS} events by POST, over ${CONNECTIONS} connections`,
  measure: (bench) =>
    withServers([{ name: 'Runtape', start: () => startRuntape({ modelUrl: bench.modelUrl }) }], async (servers) => {
      const [server] = servers;
      if (!server) throw new Error('There is no server.');
      const requests = await writeTape(server);
      const pages = requests.get(SHOWN)?.length ?? 0;
      bench.say(`a tape of ${pages} full pages`);
      const measure = async ({ name, url }: { name: string; url: string }): Promise<Sample> => {
        const sample: Sample = { values: [], errors: 0 };
        for (const [what, bodies] of requests) {
          const load = { connections: CONNECTIONS, seconds: bench.seconds };
          const asked = await bench.watch.during(name, () => askRepeatedly(url, bodies, load));
          sample.values.push({ what, unit: 'pages/s', value: asked.rate });
          sample.errors += asked.errors;
          bench.say(`${what}: ${asked.rate.toFixed(0)} pages/s`);
        }
        return sample;
      };
      await measure(server);
      const { series, errors } = await inTurns(bench.rounds, servers, measure);
      return { row: 'tape-pages', series, claims: [claim(series)], errors, notes: [] };
    }),
};
