import { readConfiguration } from '../../src/config/configuration.ts';
import type { NewEvent } from '../../src/domain/events.ts';
import { foldOn, type Run, sequenceEvents } from '../../src/domain/run.ts';
import { createLogger } from '../../src/logger.ts';
import { runRows } from '../../src/projections/runs.ts';
import { insertSession } from '../../src/repositories/sessions.ts';
import { type Gateway, startGateway } from '../../src/server/gateway.ts';
import { context, input, output, status, toolDecision, toolResult, toolStart } from '../unit/domain/given.ts';

const BATCH_EVENTS = 1_000;
const STEP_EVENTS = 1_000;
const CALL_EVENTS = 4;

/** What most of the events of a tape are. */
export type LongTapeKind = 'deltas' | 'calls';

/** Writes ended runs of so many events into the database of a server that does not run. Returns their ids. */
export async function writeLongTapes(
  databaseUrl: string,
  count: number,
  kinds: readonly LongTapeKind[],
): Promise<{ sessionId: string; runId: string; kind: LongTapeKind }[]> {
  await using gateway = await startTapeServer(databaseUrl);
  const written = [];
  for (const kind of kinds) {
    const { sessionId, runId, append } = await createTape(gateway, `${kind} ${written.length}`);
    const all = eventsOf(kind, count, sessionId);
    for (let head = 0; head < all.length; head += BATCH_EVENTS) await append(all.slice(head, head + BATCH_EVENTS));
    written.push({ sessionId, runId, kind });
  }
  return written;
}

/** A server of this process, with the console. */
export async function startTapeServer(databaseUrl: string): Promise<Gateway> {
  const variables = { DATABASE_URL: databaseUrl, PORT: '0', LOG_LEVEL: 'silent' };
  const outcome = readConfiguration(variables, () => '{}');
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  return startGateway(outcome.configuration, createLogger(outcome.configuration.logLevel));
}

export interface WrittenTape {
  sessionId: string;
  runId: string;
  /** Those who follow the run get the events. */
  append(events: readonly NewEvent[]): Promise<void>;
}

export async function createTape({ parts }: Gateway, key: string): Promise<WrittenTape> {
  const { database, journal, newId } = parts;
  const [sessionId, runId] = [newId('session'), newId('run')];
  await database.commit([
    insertSession({ id: sessionId, owner: 'local', key, title: null, agentId: null, createdAt: Date.now() }),
  ]);
  let run: Run | null = null;
  return {
    sessionId,
    runId,
    async append(events) {
      const position = { runId, now: Date.now(), epoch: null };
      const expectedHead = run?.head ?? 0;
      const sequenced = sequenceEvents(run, position, events);
      run = foldOn(run, position, events);
      if (!run) throw new Error('The events do not begin a run.');
      const writes = runRows(run, sequenced);
      const outcome = await journal.append({ runId, sessionId, expectedHead, epoch: null, events: sequenced, writes });
      if (outcome.kind !== 'appended') throw new Error(`The events were not written: ${outcome.kind}.`);
    },
  };
}

export function eventsOf(kind: LongTapeKind, count: number, sessionId: string): NewEvent[] {
  const events = [
    begin(sessionId),
    status(null, 'PENDING'),
    status('PENDING', 'IN_PROGRESS', { turn: 1 }),
    // The server executes no run that waits.
    status('IN_PROGRESS', 'AWAITING_APPROVAL'),
  ];
  for (let step = 1; events.length < count - 1; step += 1) {
    events.push(context(step));
    const room = Math.min(STEP_EVENTS, count - 1 - events.length) - 1;
    if (kind === 'deltas') events.push(...deltas(step, room), ...output(step, { text: `Answer ${step}` }));
    else events.push(...calls(step, room));
  }
  return [...events.slice(0, count - 1), status('AWAITING_APPROVAL', 'DONE')];
}

function deltas(step: number, count: number): NewEvent[] {
  return Array.from({ length: Math.max(0, count) }, (_, index) => ({
    type: 'output_delta',
    actor: 'MODEL',
    payload: { step, text: `word-${index} ` },
  }));
}

function calls(step: number, count: number): NewEvent[] {
  const ids = Array.from({ length: Math.floor(count / CALL_EVENTS) }, (_, index) => `call_${step}_${index}`);
  return [
    ...output(step, { text: `Step ${step}`, calls: ids }),
    ...ids.flatMap((callId) => [toolDecision(callId, 'ALLOW'), toolStart(callId), toolResult(callId)]),
  ];
}

function begin(sessionId: string): NewEvent {
  const event = input('A long task');
  if (event.type !== 'input' || event.payload.origin === null) throw new Error('Not an input.');
  return { ...event, payload: { ...event.payload, origin: { ...event.payload.origin, sessionId } } };
}
