import { now } from '../../measure/clock.ts';
import { median, ratioGoal } from '../../measure/result.ts';
import { measureInRounds } from '../../measure/rounds.ts';
import { type ApprovalTiming, startLangGraphApprovals, startRuntapeApprovals } from '../../systems/approvals.ts';
import type { Row } from '../row.ts';
import { withServers } from '../serving/servers.ts';

const NEXT_EVENT = 'next event, p50';
const TOOL_RESULT = "tool's result, p50";
const NEXT_TOKEN = 'next token, p50';

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
        const nextToken = median(timings.map((timing) => timing.nextToken));
        const suffix = round === 0 ? ' (warm-up)' : '';
        bench.log(
          `${name}: event ${nextEvent.toFixed(2)}, result ${toolResult.toFixed(2)}, token ${nextToken.toFixed(2)} ms${suffix}`,
        );
        const values = [
          { metric: NEXT_EVENT, unit: 'ms', value: nextEvent },
          { metric: TOOL_RESULT, unit: 'ms', value: toolResult },
          { metric: NEXT_TOKEN, unit: 'ms', value: nextToken },
        ];
        return { values: round === 0 ? [] : values, errors: 0 };
      });
      const goal = ratioGoal(series, {
        name: 'approve → next token p50, against LangGraph + SQLite',
        metric: NEXT_TOKEN,
        unit: 'ms',
        peer: 'LangGraph + SQLite',
        bound: 'at most',
        required: 1,
        stretch: 0.5,
      });
      return { row: 'approval', series, goals: [goal], errors, notes: [] };
    });
  },
};
