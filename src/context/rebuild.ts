import * as limits from '../config/limits.ts';
import { type EventOf, type Json, lastShown, type RecordedEvent } from '../domain/events.ts';
import { foldRun } from '../domain/run.ts';
import { clipSegments, segmentsOf } from '../domain/session.ts';
import { transcript } from '../domain/transcript.ts';
import type { ModelMessage, ShownAttachment, ToolDescription } from '../models/model.ts';
import { agentVersion } from '../repositories/agent-versions.ts';
import type { AgentInForce } from '../repositories/agents.ts';
import { type CompactionRow, compactionById } from '../repositories/compactions.ts';
import { type MemoryRow, memoriesByIds } from '../repositories/memories.ts';
import {
  generationsOf,
  type HistoryMessage,
  type HistorySession,
  type HistoryStore,
  isCompacted,
  messageEventTypes,
  shownOfCurrentRun,
  walkRuns,
  withResultRequest,
} from './history.ts';
import { DEFAULT_INSTRUCTIONS, requestHash, requestOf, sha256, toolsHash } from './request.ts';
import { createToolTexts, type ToolTexts } from './tool-texts.ts';

export interface RebuildRequest {
  session: HistorySession;
  turn: number;
  /** What the tape recorded about the context. */
  event: EventOf<'context'>;
  /** The tools that exist now. */
  tools: readonly ToolDescription[];
}

/** A message as the model was shown it. */
export type ShownMessage = HistoryMessage & { shownAttachments: readonly ShownAttachment[] };

/** A context as it was sent, as far as its parts still exist. */
export interface RebuiltContext {
  instructions: string;
  messages: ShownMessage[];
  memories: MemoryRow[];
  requestHash: string;
  /** Descriptions of what differs from the request that was sent; empty if the rebuilt request has the recorded hash. */
  missing: string[];
}

/** Rebuilds a request from the tapes and compares it with the hash that was recorded when it was sent. */
export async function rebuildContext(store: HistoryStore, rebuildRequest: RebuildRequest): Promise<RebuiltContext> {
  const { event, session } = rebuildRequest;
  const { payload: record } = event;
  const toolTexts = createToolTexts();
  const missing: string[] = [];
  const compaction = record.artifactId === null ? null : await compactionById(store.database.reader, record.artifactId);
  if (record.artifactId !== null && !compaction) missing.push(`The compaction ${record.artifactId} no longer exists.`);
  const agent = record.agent && (await agentVersion(store.database.reader, record.agent));
  const instructions = instructionsOf(rebuildRequest, agent, missing);
  const tools = toolsOf(rebuildRequest, toolTexts, missing);
  const memoryRows = await memoriesByIds(
    store.database.reader,
    session.owner,
    record.memories.map(({ id }) => id),
  );
  const memories = record.memories.flatMap(({ id }) => {
    const memory = memoryRows.find((row) => row.id === id);
    if (!memory) missing.push(`The memory ${id} no longer exists.`);
    return memory ?? [];
  });
  const current = await eventsOfRun(store, event);
  const outputSchema = schemaIn(current) ?? agent?.outputSchema ?? null;
  const messages = [
    ...(await earlierMessages(store, rebuildRequest, compaction)),
    ...withResultRequest(currentMessages(current, rebuildRequest, compaction), outputSchema, problemIn(current)),
  ];
  if (messages.length !== record.shown.messages) {
    missing.push(`The context had ${record.shown.messages} messages, but ${messages.length} were found.`);
  }
  const cutResults = new Set(record.cutResults);
  const summary = compaction?.summary ?? null;
  const responseFormat = record.responseFormat ? outputSchema : null;
  const request = requestOf({
    instructions,
    summary,
    memories,
    messages,
    cutResults,
    tools,
    responseFormat,
    attachmentKinds: record.attachmentKinds ?? [],
  });
  const isExact = requestHash(request, record.model, toolTexts) === record.requestHash;
  if (!isExact && missing.length === 0) missing.push('The rebuilt request differs from the request that was sent.');
  return {
    instructions: request.instructions,
    messages: messages.map((message, index) => shownOf(message, request.messages[index])),
    memories,
    requestHash: record.requestHash,
    missing,
  };
}

function shownOf(message: HistoryMessage, sent: ModelMessage | undefined): ShownMessage {
  const shownAttachments = sent?.role === 'user' ? (sent.attachments ?? []) : [];
  return { ...message, text: sent?.text ?? message.text, shownAttachments };
}

function instructionsOf({ event: { payload } }: RebuildRequest, agent: AgentInForce | null, missing: string[]): string {
  const instructions = agent?.instructions || DEFAULT_INSTRUCTIONS;
  if (sha256(instructions) !== payload.instructionsHash) missing.push('The instructions no longer exist.');
  return instructions;
}

function toolsOf(
  { tools, event: { payload } }: RebuildRequest,
  toolTexts: ToolTexts,
  missing: string[],
): ToolDescription[] {
  const existing = payload.tools.flatMap((name) => tools.find((tool) => tool.name === name) ?? []);
  if (toolsHash(existing, toolTexts) !== payload.toolsHash) {
    missing.push('Some of the tools no longer exist, or their descriptions have changed.');
  }
  return existing;
}

/** Reads backwards to the first message that was shown. Where a branch or a compaction begins never changes. */
async function earlierMessages(
  store: HistoryStore,
  { session, turn, event }: RebuildRequest,
  compaction: CompactionRow | null,
): Promise<HistoryMessage[]> {
  const { from } = event.payload.shown;
  if (from.runId === event.runId) return [];
  const segments = clipSegments(segmentsOf(await generationsOf(store, session), 0), 0, turn - 1);
  const runs: HistoryMessage[][] = [];
  for await (const messages of walkRuns(store, segments, 'newest')) {
    const shown = messages.filter((message) => !isCompacted(message, compaction));
    const first = shown.findIndex(({ runId, seq }) => runId === from.runId && seq === from.seq);
    runs.unshift(first === -1 ? shown : shown.slice(first));
    if (first !== -1 || runs.length > limits.HISTORY_RUNS) break;
  }
  return runs.flat();
}

/** What the run's own tape contained then, except messages that arrived while the context was being assembled. */
async function eventsOfRun({ journal }: HistoryStore, event: EventOf<'context'>): Promise<RecordedEvent[]> {
  const { runId, seq } = event;
  const range = { after: 0, upTo: seq - 1, limit: limits.MESSAGE_EVENTS, types: messageEventTypes };
  const events = await journal.read(runId, range);
  const last = lastShown(event);
  return events.filter((each) => each.type !== 'input' || !each.payload.steered || each.seq <= last);
}

function currentMessages(
  events: readonly RecordedEvent[],
  { turn, event: { runId } }: RebuildRequest,
  compaction: CompactionRow | null,
): HistoryMessage[] {
  return shownOfCurrentRun(
    transcript(events).map((message) => ({ ...message, runId, turn })),
    compaction,
  );
}

/** The output schema of the message that began the run; null if it had none. */
function schemaIn([first]: readonly RecordedEvent[]): Json {
  return (first?.type === 'input' ? first.payload.origin?.outputSchema : null) ?? null;
}

/** Why the last final answer did not fit the output schema. The events of messages are enough for this part of the fold. */
function problemIn(events: readonly RecordedEvent[]): string | null {
  return foldRun(events)?.resultProblem ?? null;
}
