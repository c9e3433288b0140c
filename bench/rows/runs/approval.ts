import { type Approved, langGraphAsker, runtapeAsker } from '../../contestants/approvals.ts';
import { now } from '../../measure/clock.ts';
import { type Claim, median, medianOf, ratioText, type Series } from '../../measure/result.ts';
import { inTurns } from '../../measure/turns.ts';
import type { Row } from '../row.ts';
import { withServers } from '../serving/servers.ts';

const NEXT = 'next event, p50';
const RESULT = "tool's result, p50";
const STRETCH_MILLISECONDS = 3;

function claim(series: Series[]): Claim {
  const [ours, theirs] = [medianOf(series, 'Runtape', NEXT), medianOf(series, 'LangGraph + SQLite', NEXT)];
  return {
    what: 'approve → next event p50, against LangGraph + SQLite',
    asked: '≤ ⅓',
    stretch: `≤ ${STRETCH_MILLISECONDS} ms`,
    measured: ratioText(ours, theirs, 'ms'),
    met: ours <= theirs / 3,
    stretchMet: ours <= STRETCH_MILLISECONDS,
  };
}

export const approvalRow: Row = {
  name: 'approval',
  about: 'from allowing a call until the run goes on; the tool writes a small file',
  measure: (bench) => {
    const subjects = [
      { name: 'Runtape', start: () => runtapeAsker(bench.modelUrl) },
      { name: 'LangGraph + SQLite', start: () => langGraphAsker(bench.modelUrl) },
    ];
    return withServers(subjects, async (askers) => {
      const { series, errors } = await inTurns(bench.rounds + 1, askers, async ({ name, approve }, round) => {
        const end = now() + bench.seconds * 1000;
        const times: Approved[] = [];
        await bench.watch.during(name, async () => {
          while (now() < end) times.push(await approve());
        });
        const [next, result] = [
          median(times.map((time) => time.nextEvent)),
          median(times.map((time) => time.toolResult)),
        ];
        bench.say(`${name}: ${next.toFixed(2)} ms, ${result.toFixed(2)} ms${round === 0 ? ' (warm-up)' : ''}`);
        const values = [
          { what: NEXT, unit: 'ms', value: next },
          { what: RESULT, unit: 'ms', value: result },
        ];
        return { values: round === 0 ? [] : values, errors: 0 };
      });
      return { row: 'approval', series, claims: [claim(series)], errors, notes: [] };
    });
  },
};
