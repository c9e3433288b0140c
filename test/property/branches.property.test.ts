import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Generation, segmentsOf, visibleUpTo } from '../../src/domain/session.ts';

const RUNS = 500;

/** One run of a session, with so many events. */
interface Run {
  runId: string;
  sessionId: string;
  turn: number;
  events: number;
}

/** A session, and what it would hold if branching copied: every run that it sees, and how much of each. */
interface Copy extends Generation {
  parent: Copy | null;
  seen: Run[];
}

/** Numbers pick what happens: a run in some session, or a branch of some session at something that it sees. */
const steps = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 6 })), { maxLength: 40 });

function treeFrom(list: [number, number, number, number][]): { sessions: Copy[]; runs: Run[] } {
  const sessions: Copy[] = [{ id: 'ses_0', branch: null, parent: null, seen: [] }];
  const runs: Run[] = [];
  for (const [which, kind, where, events] of list) {
    const session = sessions[which % sessions.length];
    if (!session) continue;
    const at = session.seen[where % Math.max(1, session.seen.length)];
    if (kind % 3 === 0 && at) {
      const seq = Math.min(at.events, events);
      const seen = [...session.seen.filter(({ turn }) => turn < at.turn), { ...at, events: seq }];
      const branch = { turn: at.turn, runId: at.runId, seq };
      sessions.push({ id: `ses_${sessions.length}`, branch, parent: session, seen });
    } else {
      const turn = (session.seen.at(-1)?.turn ?? 0) + 1;
      const run = { runId: `run_${runs.length}`, sessionId: session.id, turn, events };
      runs.push(run);
      session.seen.push(run);
    }
  }
  return { sessions, runs };
}

function lineOf(session: Copy | null): Generation[] {
  return session === null ? [] : [session, ...lineOf(session.parent)];
}

test('B8: in any tree of branches each session sees exactly what a copy would hold', () => {
  const property = fc.property(steps, (list) => {
    const { sessions, runs } = treeFrom(list);
    for (const session of sessions) {
      const segments = segmentsOf(lineOf(session), 0);
      const seen = runs
        .map((run) => ({ ...run, events: Math.min(run.events, visibleUpTo(segments, run) ?? run.events) }))
        .filter(({ events }) => events > 0)
        .toSorted((left, right) => left.turn - right.turn);
      expect(seen).toEqual(session.seen);
    }
  });
  fc.assert(property, { numRuns: RUNS });
});

test('B4: a reset hides every turn up to it and nothing else', () => {
  const property = fc.property(steps, fc.nat(20), (list, resetTurn) => {
    const { sessions, runs } = treeFrom(list);
    for (const session of sessions) {
      const segments = segmentsOf(lineOf(session), resetTurn);
      const seen = runs.filter((run) => visibleUpTo(segments, run) !== 0).map(({ runId }) => runId);
      const expected = session.seen.filter(({ turn }) => turn > resetTurn).map(({ runId }) => runId);
      expect(seen.toSorted()).toEqual(expected.toSorted());
    }
  });
  fc.assert(property, { numRuns: RUNS });
});
