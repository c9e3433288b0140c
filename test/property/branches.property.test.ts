import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Generation, segmentsOf, visibleUpTo } from '../../src/domain/session.ts';

const RUNS = 500;

/** One run of a session, and its number of events. */
interface Run {
  runId: string;
  sessionId: string;
  turn: number;
  events: number;
}

/** A session, and what it would contain if branching copied: the visible runs, and how many events of each. */
interface CopiedSession extends Generation {
  parent: CopiedSession | null;
  visible: Run[];
}

/** Each step adds a run to a session, or a branch at an event that a session sees. The numbers select which. */
const steps = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 6 })), { maxLength: 40 });

function treeFrom(list: [number, number, number, number][]): { sessions: CopiedSession[]; runs: Run[] } {
  const sessions: CopiedSession[] = [{ id: 'ses_0', branch: null, parent: null, visible: [] }];
  const runs: Run[] = [];
  for (const [which, kind, where, events] of list) {
    const session = sessions[which % sessions.length];
    if (!session) continue;
    const branchedRun = session.visible[where % Math.max(1, session.visible.length)];
    if (kind % 3 === 0 && branchedRun) {
      const { turn, runId } = branchedRun;
      const seq = Math.min(branchedRun.events, events);
      const visible = [...session.visible.filter((run) => run.turn < turn), { ...branchedRun, events: seq }];
      sessions.push({ id: `ses_${sessions.length}`, branch: { turn, runId, seq }, parent: session, visible });
    } else {
      const turn = (session.visible.at(-1)?.turn ?? 0) + 1;
      const run = { runId: `run_${runs.length}`, sessionId: session.id, turn, events };
      runs.push(run);
      session.visible.push(run);
    }
  }
  return { sessions, runs };
}

function lineOf(session: CopiedSession | null): Generation[] {
  return session === null ? [] : [session, ...lineOf(session.parent)];
}

test('B8: in any tree of branches, each session sees exactly what a copy would contain', () => {
  const property = fc.property(steps, (list) => {
    const { sessions, runs } = treeFrom(list);
    for (const session of sessions) {
      const segments = segmentsOf(lineOf(session), 0);
      const visible = runs
        .map((run) => ({ ...run, events: Math.min(run.events, visibleUpTo(segments, run) ?? run.events) }))
        .filter(({ events }) => events > 0)
        .toSorted((left, right) => left.turn - right.turn);
      expect(visible).toEqual(session.visible);
    }
  });
  fc.assert(property, { numRuns: RUNS });
});

test('B4: a reset hides the turns up to it and nothing else', () => {
  const property = fc.property(steps, fc.nat(20), (list, resetTurn) => {
    const { sessions, runs } = treeFrom(list);
    for (const session of sessions) {
      const segments = segmentsOf(lineOf(session), resetTurn);
      const visible = runs.filter((run) => visibleUpTo(segments, run) !== 0).map(({ runId }) => runId);
      const expected = session.visible.filter(({ turn }) => turn > resetTurn).map(({ runId }) => runId);
      expect(visible.toSorted()).toEqual(expected.toSorted());
    }
  });
  fc.assert(property, { numRuns: RUNS });
});
