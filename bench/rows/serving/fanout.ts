import { graphqlWsCrowd, rawCrowd, runtapeCrowd } from '../../contestants/crowds.ts';
import { deliver } from '../../load/followers.ts';
import { type Claim, medianOf, ratioText, type Series } from '../../measure/result.ts';
import { inTurns } from '../../measure/turns.ts';
import type { Row } from '../row.ts';
import { withServers } from './servers.ts';

const FOLLOWERS = 1000;
const DELIVERIES = 'deliveries/s';

function claim(series: Series[]): Claim {
  const rate = (who: string) => medianOf(series, who, DELIVERIES);
  const [ours, plain, raw] = [rate('Runtape'), rate('graphql-ws'), rate('raw ws')];
  return {
    what: `deliveries/s to ${FOLLOWERS} subscribers of one run`,
    asked: '≥ 3 × graphql-ws',
    stretch: '≥ 80 % of raw ws',
    measured: `${ratioText(ours, plain, '/s')}; ${ratioText(ours, raw, '/s of raw ws')}`,
    met: ours >= 3 * plain,
    stretchMet: ours >= 0.8 * raw,
  };
}

export const fanoutRow: Row = {
  name: 'fanout',
  about: `live events of one run to ${FOLLOWERS} subscribers, each on a WebSocket of its own, as many as can be delivered`,
  measure: (bench) => {
    const subjects = [
      { name: 'Runtape', start: () => runtapeCrowd(bench.modelUrl) },
      { name: 'graphql-ws', start: graphqlWsCrowd },
      { name: 'raw ws', start: rawCrowd },
    ];
    return withServers(subjects, async (crowds) => {
      for (const crowd of crowds) await deliver(crowd, FOLLOWERS, 1);
      const { series, errors } = await inTurns(bench.rounds, crowds, async (crowd) => {
        const work = () => deliver(crowd, FOLLOWERS, bench.seconds);
        const { deliveries, seconds, bytes, errors: lost } = await bench.watch.during(crowd.name, work);
        const value = deliveries / seconds;
        bench.say(`${crowd.name}: ${value.toFixed(0)} ${DELIVERIES}, ${(bytes / deliveries).toFixed(0)} bytes each`);
        const size = { what: 'bytes of a delivery', unit: 'B', value: bytes / deliveries };
        return { values: [{ what: DELIVERIES, unit: '/s', value }, size], errors: lost };
      });
      return { row: 'fanout', series, claims: [claim(series)], errors, notes: [] };
    });
  },
};
