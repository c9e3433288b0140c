import { describe, expect, test } from 'vitest';
import { decide, type RunCommand } from '../../../src/domain/decide.ts';
import { foldOn } from '../../../src/domain/run.ts';
import {
  isTerminal,
  type RunStatus,
  runStatuses,
  type TransitionCommand,
  transitionCommands,
  transitions,
} from '../../../src/domain/transitions.ts';
import {
  approvalDecision,
  approvalsRequested,
  awaitingApproval,
  eventsOf,
  failure,
  refusalOf,
  runId,
  runOf,
  status,
  tapeTo,
  toolProgress,
} from './given.ts';

/** Written out a second time, so that a change of the code alone fails the test. */
const table: Record<RunStatus, Partial<Record<TransitionCommand, RunStatus>>> = {
  PENDING: { start: 'IN_PROGRESS', fail: 'FAILED', cancel: 'CANCELLED' },
  IN_PROGRESS: { requestApproval: 'AWAITING_APPROVAL', complete: 'DONE', fail: 'FAILED', cancel: 'CANCELLED' },
  AWAITING_APPROVAL: { resume: 'IN_PROGRESS', fail: 'FAILED', cancel: 'CANCELLED' },
  DONE: {},
  CANCELLED: {},
  FAILED: {},
};

/** `resume` is not a command: it follows from settling the last open approval. */
type GivenCommand = Exclude<TransitionCommand, 'resume'>;
const givenCommands = transitionCommands.filter((command): command is GivenCommand => command !== 'resume');

const commands: Record<GivenCommand, RunCommand> = {
  start: { kind: 'start', turn: 3 },
  requestApproval: { kind: 'requestApproval' },
  complete: { kind: 'complete' },
  fail: { kind: 'fail', error: failure },
  cancel: { kind: 'cancel', reason: 'Enough.' },
};

const allow: RunCommand = {
  kind: 'decideApproval',
  approvalId: 'apr_a',
  verdict: { decision: 'ALLOW', by: 'ada', scope: 'ONCE', grant: null, editedInput: null, reason: null },
};

interface Pair {
  from: RunStatus;
  command: GivenCommand;
  to: RunStatus | null;
}

const pairs = runStatuses.flatMap((from) =>
  givenCommands.map((command): Pair => ({ from, command, to: table[from][command] ?? null })),
);
const isCancelledTwice = ({ from, command }: Pair) => from === 'CANCELLED' && command === 'cancel';
const runIn = (from: RunStatus, command: GivenCommand) =>
  runOf(from === 'IN_PROGRESS' && command === 'requestApproval' ? approvalsRequested('a') : tapeTo[from]);

describe('B12: the transition table', () => {
  test('B12: is as documented', () => {
    for (const from of runStatuses) {
      const allowed = Object.entries(transitions[from]).filter(([, to]) => to !== null);
      expect(Object.fromEntries(allowed)).toEqual(table[from]);
    }
  });

  test.each(pairs.filter(({ to }) => to !== null))('B12: $command takes $from to $to', ({ from, command, to }) => {
    const run = runIn(from, command);
    const events = eventsOf(decide(run, commands[command], 5));
    const statuses = events.filter(({ type }) => type === 'status');
    expect(statuses).toHaveLength(1);
    expect(statuses[0]?.payload).toMatchObject({ from, to });
    expect(events.at(-1)).toBe(statuses[0]);
    expect(foldOn(run, { runId, now: 5, epoch: null }, events)?.state.status).toBe(to);
  });

  test.each(pairs.filter((pair) => pair.to === null && !isCancelledTwice(pair)))(
    'B12: $command is refused in $from, and changes nothing',
    ({ from, command }) => {
      const run = runIn(from, command);
      const before = structuredClone(run);
      const refusal = refusalOf(decide(run, commands[command], 5));
      expect(refusal).toMatchObject({ kind: 'invalid-transition', runId, state: from, command });
      expect(refusal.message).toContain(from);
      expect(refusal.message).toContain(runId);
      expect(run).toEqual(before);
    },
  );

  test('B12: the last decision resumes an AWAITING_APPROVAL run with one status event', () => {
    const run = runOf(awaitingApproval('a'));
    const events = eventsOf(decide(run, allow, 5));
    expect(events.filter(({ type }) => type === 'status').map(({ payload }) => payload)).toEqual([
      { from: 'AWAITING_APPROVAL', to: 'IN_PROGRESS', reason: null, error: null, turn: null },
    ]);
    expect(foldOn(run, { runId, now: 5, epoch: null }, events)?.state.status).toBe('IN_PROGRESS');
  });

  test('B12: a decision does not resume a run in another status', () => {
    const working = runOf(approvalsRequested('a'));
    expect(eventsOf(decide(working, allow, 5)).map(({ type }) => type)).toEqual(['approval_decision']);
    for (const from of runStatuses.filter((name) => name !== 'AWAITING_APPROVAL')) {
      expect(refusalOf(decide(runOf(tapeTo[from]), allow, 5))).toMatchObject({ kind: 'approval-settled' });
    }
  });
});

describe('a terminal status', () => {
  test('B12: cancelling a CANCELLED run succeeds and records nothing', () => {
    expect(decide(runOf(tapeTo.CANCELLED), commands.cancel, 5)).toEqual({ kind: 'events', events: [] });
  });

  test('B13: no command adds an event to a run that has ended', () => {
    const withdrawn = [awaitingApproval('a'), approvalDecision('a', 'WITHDRAWN')];
    const others: RunCommand[] = [
      { kind: 'steer', text: 'more', idempotencyKey: null },
      { kind: 'record', events: [approvalDecision('a', 'ALLOWED')] },
      { kind: 'report', payload: toolProgress('a').payload },
      { kind: 'expireWait', waitId: 'apr_a', onExpiry: 'deny' },
      { kind: 'expireWait', waitId: 'apr_a', onExpiry: 'fail' },
      allow,
    ];
    for (const ended of ['DONE', 'FAILED', 'CANCELLED'] as const) {
      for (const given of [tapeTo[ended], [withdrawn, status('AWAITING_APPROVAL', ended)]]) {
        for (const command of [...Object.values(commands), ...others]) {
          const decision = decide(runOf(given), command, 5);
          const events = decision.kind === 'events' ? decision.events : [];
          expect(events, `${command.kind} in ${ended}`).toEqual([]);
          if (decision.kind === 'events') expect([ended, command.kind]).toEqual(['CANCELLED', 'cancel']);
        }
      }
    }
  });

  test('DONE, FAILED and CANCELLED are terminal', () => {
    expect(runStatuses.filter(isTerminal)).toEqual(['DONE', 'CANCELLED', 'FAILED']);
  });
});
