import { now } from '../../measure/clock.ts';
import { formatRatio, type Goal, median, medianOf, type Series } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { type ApprovalTiming, startLangGraphApprovals, startRuntapeApprovals } from '../../systems/approvals.ts';
import type { Row } from '../row.ts';
import { withServers } from '../serving/servers.ts';

const NEXT_EVENT = 'next event, p50';
const TOOL_RESULT = "tool's result, p50";
const STRETCH_MILLISECONDS = 3;

function goalOf(series: Series[]): Goal {
  const [ours, theirs] = [medianOf(series, 'Runtape', NEXT_EVENT), medianOf(series, 'LangGraph + SQLite', NEXT_EVENT)];
  return {
    name: 'approve → next event p50, against LangGraph + SQLite',
    required: '≤ ⅓',
    stretch: `≤ ${STRETCH_MILLISECONDS} ms`,
    measured: formatRatio(ours, theirs, 'ms'),
    met: ours <= theirs / 3,
    stretchMet: ours <= STRETCH_MILLISECONDS,
  };
}

export const approvalRow: Row = {
  name: 'approval',
  description: 'from the approval of a call until the run continues; the tool writes a small file',
  measure: (bench) => {
    const subjects = [
      { name: 'Runtape', start: () => startRuntapeApprovals(bench.modelUrl) },
      { name: 'LangGraph + SQLite', start: () => startLangGraphApprovals(bench.modelUrl) },
    ];
    return withServers(subjects, async (servers) => {
      // The first round is a warm-up.
      const { series, errors } = await measureInRounds(bench.rounds + 1, servers, async ({ name, approve }, round) => {
        const end = now() + bench.seconds * 1000;
        const timings: ApprovalTiming[] = [];
        await bench.saturation.during(name, async () => {
          while (now() < end) timings.push(await approve());
        });
        const nextEvent = median(timings.map((timing) => timing.nextEvent));
        const toolResult = median(timings.map((timing) => timing.toolResult));
        const suffix = round === 0 ? ' (warm-up)' : '';
        bench.log(`${name}: ${nextEvent.toFixed(2)} ms, ${toolResult.toFixed(2)} ms${suffix}`);
        const values = [
          { metric: NEXT_EVENT, unit: 'ms', value: nextEvent },
          { metric: TOOL_RESULT, unit: 'ms', value: toolResult },
        ];
        return { values: round === 0 ? [] : values, errors: 0 };
      });
      return { row: 'approval', series, goals: [goalOf(series)], errors, notes: [] };
    });
  },
};
