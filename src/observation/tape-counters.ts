import { Counter, Histogram, type Registry } from 'prom-client';
import type { EventType, OutputUsage, PayloadOf, RecordedEvent } from '../domain/events.ts';
import { isTerminal } from '../domain/transitions.ts';

/** Seconds; from a tool that reads the clock to a run of fifteen minutes. */
const LONG_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900];

type Purpose = 'step' | 'summary';

/**
 * Counters of everything that this server records, taken from the events themselves, so that they agree with the tapes. No label
 * has a value that a client, a model or a tool chooses: names of models come from the configuration, and names of tools are left out.
 *
 * @returns a function that counts the events of one append
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a list of counters, and which event counts where.
export function createTapeCounters(registry: Registry): (events: readonly RecordedEvent[]) => void {
  const registers = [registry];
  // Pieces of answers are counted without the work that the library does for each increment.
  const eventCounts = new Map<EventType, number>();
  new Counter({
    name: 'runtape_events_total',
    help: 'Events that this server recorded, by type.',
    labelNames: ['type'],
    registers,
    collect() {
      this.reset();
      for (const [type, count] of eventCounts) this.inc({ type }, count);
    },
  });
  const messages = new Counter({
    name: 'runtape_messages_total',
    help: 'Messages that this server recorded: those that started a run, and those that joined one.',
    labelNames: ['kind'],
    registers,
  });
  const endedRuns = new Counter({
    name: 'runtape_runs_ended_total',
    help: 'Runs whose end this server recorded, by state and error code; the code is empty unless the run failed.',
    labelNames: ['state', 'code'],
    registers,
  });
  const runSeconds = new Histogram({
    name: 'runtape_run_work_seconds',
    help: 'Time at work of runs that have ended, without the time that they waited.',
    buckets: LONG_BUCKETS,
    registers,
  });
  const steps = new Counter({
    name: 'runtape_steps_total',
    help: 'Model calls of runs that have answered, by model.',
    labelNames: ['model'],
    registers,
  });
  const tokens = new Counter({
    name: 'runtape_model_tokens_total',
    help: 'Tokens by model and direction, for the steps of runs and for summaries.',
    labelNames: ['model', 'direction', 'purpose'],
    registers,
  });
  const cost = new Counter({
    name: 'runtape_model_cost_total',
    help: 'Cost by model, in the currency of the configured prices. Models without a price have none.',
    labelNames: ['model', 'purpose'],
    registers,
  });
  const decisions = new Counter({
    name: 'runtape_tool_decisions_total',
    help: 'Decisions of the policy about tool calls, by effect.',
    labelNames: ['effect'],
    registers,
  });
  const toolCalls = new Counter({
    name: 'runtape_tool_calls_total',
    help: 'Tool calls that have a result, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const toolSeconds = new Histogram({
    name: 'runtape_tool_call_seconds',
    help: 'Duration of tool calls.',
    buckets: LONG_BUCKETS,
    registers,
  });
  const settledWaits = new Counter({
    name: 'runtape_waits_settled_total',
    help: 'Waits that were settled, by kind and outcome.',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  const takeovers = new Counter({
    name: 'runtape_lease_takeovers_total',
    help: 'Runs that this server resumed because the lease of their server ran out.',
    registers,
  });
  const brokenAnswers = new Counter({
    name: 'runtape_broken_answers_total',
    help: 'Answers of models that broke off and were requested again.',
    registers,
  });

  function countUsage(model: string, purpose: Purpose, usage: OutputUsage | null): void {
    if (usage === null) return;
    tokens.inc({ model, direction: 'input', purpose }, usage.input);
    tokens.inc({ model, direction: 'output', purpose }, usage.output);
    if (usage.cost !== null) cost.inc({ model, purpose }, usage.cost);
  }

  function countStatus({ to, error, workMilliseconds }: PayloadOf<'status'>): void {
    if (!isTerminal(to)) return;
    endedRuns.inc({ state: to, code: error?.code ?? '' });
    if (workMilliseconds !== undefined) runSeconds.observe(workMilliseconds / 1000);
  }

  function count(event: RecordedEvent): void {
    const { type, payload } = event;
    eventCounts.set(type, (eventCounts.get(type) ?? 0) + 1);
    switch (type) {
      case 'input':
        messages.inc({ kind: payload.steered ? 'steered' : 'new' });
        break;
      case 'status':
        countStatus(payload);
        break;
      case 'context':
        if (payload.failedCompaction) {
          countUsage(payload.failedCompaction.model, 'summary', payload.failedCompaction.usage);
        }
        break;
      case 'output':
        steps.inc({ model: payload.model });
        countUsage(payload.model, 'step', payload.usage);
        break;
      case 'compaction':
        countUsage(payload.model, 'summary', payload.usage);
        break;
      case 'tool_decision':
        decisions.inc({ effect: payload.effect });
        break;
      case 'tool_result':
        toolCalls.inc({ outcome: payload.ok ? 'ok' : 'error' });
        toolSeconds.observe(payload.durationMilliseconds / 1000);
        break;
      case 'approval_decision':
        settledWaits.inc({ kind: 'APPROVAL', outcome: payload.status });
        break;
      case 'wait_settled':
        settledWaits.inc({ kind: payload.kind, outcome: payload.outcome });
        break;
      case 'resumption':
        if (payload.lost) takeovers.inc();
        if (payload.brokeOff) brokenAnswers.inc();
        break;
      case 'thought':
      case 'output_delta':
      case 'tool_call':
      case 'approval_request':
      case 'wait_request':
      case 'tool_start':
      case 'tool_progress':
        break;
      default:
        event satisfies never;
    }
  }

  return (events) => {
    for (const event of events) count(event);
  };
}
