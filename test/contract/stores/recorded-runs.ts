import { insertSession, titlePassages } from '../../../src/repositories/sessions.ts';
import { createRunStore } from '../../../src/run-store/run-store.ts';
import { type Given, origin, tape } from '../../unit/domain/given.ts';
import type { Store } from './both-stores.ts';

/** When the sessions of the tests are created, in epoch milliseconds. Their runs are recorded one second later. */
export const CREATED = Date.UTC(2026, 0);
export const RECORDED = CREATED + 1000;

interface NewSession {
  title?: string | null;
  branchOf?: { parentId: string; runId: string };
}

/** Creates a session of `ada`. */
export async function createSession({ database }: Store, id: string, { title = null, branchOf }: NewSession = {}) {
  const session = { id, owner: 'ada', key: id, title, agentId: null, createdAt: CREATED };
  const branch = branchOf && { ...branchOf, seq: 1, turn: 1 };
  await database.commit([insertSession({ ...session, ...(branch && { branch }) }), ...titlePassages(id, title)]);
}

export const runStoreOf = ({ journal }: Store, now: () => number = () => RECORDED) =>
  createRunStore({ journal, claimNow: () => null, now, cachedRuns: 10, isShared: false });

/** Records a run with these events and the rows that follow from them. Each part is one append. */
export async function recordRun(store: Store, runId: string, sessionId: string, ...parts: Given[]): Promise<void> {
  const runStore = runStoreOf(store);
  for (const part of parts) {
    const events = tape(part).map((event) =>
      event.type === 'input' && event.payload.origin
        ? { ...event, payload: { ...event.payload, origin: { ...origin, sessionId } } }
        : event,
    );
    const outcome = await runStore.record({
      runId,
      sessionId,
      epoch: null,
      decide: () => ({ kind: 'events', events }),
    });
    if (outcome.kind !== 'recorded') throw new Error(`Not recorded: ${JSON.stringify(outcome)}`);
  }
}
