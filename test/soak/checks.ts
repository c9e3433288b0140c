import { readFile } from 'node:fs/promises';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { isTerminal } from '../../src/domain/transitions.ts';
import type { Gateway } from '../../src/server/gateway.ts';
import type { Ledger } from './ledger.ts';

/** B48: everything that anybody was told is true, and nothing happened twice. Returns what is wrong. */
export async function check({ parts }: Gateway, ledger: Ledger, effectsFile: string): Promise<string[]> {
  const faults = [...ledger.faults];
  const tapes = new Map<string, RecordedEvent[]>();
  for (const { runId } of await parts.database.reader.tape.findMany({ select: { runId: true } })) {
    tapes.set(runId, await parts.journal.read(runId, { after: 0, limit: 100_000 }));
    const verification = await parts.journal.verify(runId);
    if (verification.kind === 'broken') faults.push(`${runId}: event ${verification.seq} ${verification.fault}`);
  }
  faults.push(...toldFaults(tapes, ledger), ...(await decisionFaults(parts.database.reader, ledger)));
  for (const [runId, events] of tapes) faults.push(...tapeFaults(runId, events));
  const executions = await readFile(effectsFile, 'utf8').catch(() => '');
  faults.push(...effectFaults([...tapes.values()].flat(), executions));
  return faults;
}

function toldFaults(tapes: Map<string, RecordedEvent[]>, ledger: Ledger): string[] {
  const faults: string[] = [];
  for (const [runId, text] of ledger.sent) {
    const first = tapes.get(runId)?.[0];
    if (first?.type !== 'input' || first.payload.text !== text) faults.push(`${runId}: its message is lost`);
  }
  for (const [text, runId] of ledger.steered) {
    const found = tapes.get(runId)?.filter((event) => event.type === 'input' && event.payload.text === text);
    if (found?.length !== 1) faults.push(`${runId}: ${found?.length} times the steered ${text}`);
  }
  for (const runId of ledger.cancelled) {
    const last = tapes.get(runId)?.at(-1);
    if (last?.type !== 'status' || last.payload.to !== 'CANCELLED') faults.push(`${runId}: its cancelling is lost`);
  }
  for (const [runId, hashes] of ledger.seen) {
    const events = tapes.get(runId) ?? [];
    const lost = hashes.findIndex((hash, index) => events[index]?.hash !== hash);
    if (lost >= 0) faults.push(`${runId}: event ${lost + 1} was shown and is not on the tape`);
  }
  return faults;
}

async function decisionFaults(reader: Gateway['parts']['database']['reader'], ledger: Ledger): Promise<string[]> {
  const rows = await reader.approval.findMany({ select: { id: true, status: true } });
  const statuses = new Map<string, string>(rows.map(({ id, status }) => [id, status]));
  return [...ledger.decided].flatMap(([id, status]) =>
    statuses.get(id) === status ? [] : [`${id}: decided ${status}, and it is ${statuses.get(id)}`],
  );
}

function tapeFaults(runId: string, events: RecordedEvent[]): string[] {
  const faults: string[] = [];
  const last = events.at(-1);
  const settled = last?.type === 'status' && (isTerminal(last.payload.to) || last.payload.to === 'AWAITING_APPROVAL');
  if (!settled) faults.push(`${runId}: neither ended nor waiting; its last event is ${last?.type}`);
  const ends = events.filter((event) => event.type === 'status' && isTerminal(event.payload.to));
  if (ends.length > 1) faults.push(`${runId}: ended ${ends.length} times`);
  const results = events.flatMap((event) => (event.type === 'tool_result' ? [event.payload.callId] : []));
  if (new Set(results).size !== results.length) faults.push(`${runId}: a call has two results`);
  return faults;
}

/** A tool that is not idempotent runs once for each time that it was let: by policy or a person, and by a person again. */
function effectFaults(events: RecordedEvent[], executions: string): string[] {
  const counts = new Map<string, number>();
  for (const line of executions.split('\n').filter(Boolean)) {
    const [tool = '', mark = ''] = line.split(' ');
    if (tool !== 'again') counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  const marks = new Map<string, string>();
  const repeats = new Map<string, string>();
  const allowed = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'tool_call') marks.set(event.payload.callId, markOf(event.payload.input));
    if (event.type === 'approval_request' && event.payload.why === 'unknown_outcome') {
      repeats.set(event.payload.approvalId, event.payload.callId);
    }
    if (event.type === 'approval_decision' && event.payload.status === 'ALLOWED') {
      const callId = repeats.get(event.payload.approvalId);
      if (callId) allowed.set(callId, (allowed.get(callId) ?? 0) + 1);
    }
  }
  const most = new Map([...marks].map(([callId, mark]) => [mark, 1 + (allowed.get(callId) ?? 0)]));
  return [...counts].flatMap(([mark, count]) =>
    count > (most.get(mark) ?? 0) ? [`${mark}: happened ${count} times, allowed ${most.get(mark) ?? 0}`] : [],
  );
}

function markOf(input: unknown): string {
  return typeof input === 'object' && input !== null && 'mark' in input ? String(input.mark) : '';
}
