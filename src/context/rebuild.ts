import * as limits from '../config/limits.ts';
import { type EventOf, lastShown } from '../domain/events.ts';
import { clipSegments, segmentsOf } from '../domain/session/lineage.ts';
import { transcript } from '../domain/transcript.ts';
import type { ToolDescription } from '../models/model.ts';
import { agentVersion } from '../repositories/agents.ts';
import { type CompactionRow, compactionById } from '../repositories/compactions.ts';
import { type MemoryRow, memoriesByIds } from '../repositories/memory/memories.ts';
import {
  generationsOf,
  type HistoryMessage,
  type HistorySession,
  type HistoryStore,
  messageEventTypes,
  walk,
} from './history.ts';
import { DEFAULT_INSTRUCTIONS, requestHash, requestOf, sha256, toolsHash } from './request.ts';
import { isSummarised, ownShown } from './summarised.ts';

export interface RebuildRequest {
  session: HistorySession;
  turn: number;
  /** What the tape has of the context. */
  event: EventOf<'context'>;
  /** The tools that there are now. */
  tools: readonly ToolDescription[];
}

/** A context as it was, as far as its parts still exist. */
export interface RebuiltContext {
  instructions: string;
  messages: HistoryMessage[];
  memories: MemoryRow[];
  requestHash: string;
  /** What can not be shown as it was, in words for a person; empty where the rebuilt request is the one that was sent. */
  missing: string[];
}

/** Makes a request anew from the tapes and holds it against the hash that was recorded when it was sent. */
export async function rebuildContext(store: HistoryStore, question: RebuildRequest): Promise<RebuiltContext> {
  const { event, session } = question;
  const { payload: record } = event;
  const missing: string[] = [];
  const artifact = record.artifactId === null ? null : await compactionById(store.database.reader, record.artifactId);
  if (record.artifactId !== null && !artifact) missing.push(`The summary ${record.artifactId} is gone.`);
  const instructions = await instructionsOf(store, question, missing);
  const tools = toolsOf(question, missing);
  const found = await memoriesByIds(
    store.database.reader,
    session.owner,
    record.memories.map(({ id }) => id),
  );
  const memories = record.memories.flatMap(({ id }) => {
    const memory = found.find((row) => row.id === id);
    if (!memory) missing.push(`The memory ${id} was forgotten.`);
    return memory ?? [];
  });
  const messages = [
    ...(await earlierMessages(store, question, artifact)),
    ...(await ownMessages(store, question, artifact)),
  ];
  if (messages.length !== record.shown.messages) {
    missing.push(`Of ${record.shown.messages} messages ${messages.length} are there.`);
  }
  const cutResults = new Set(record.cutResults);
  const parts = { instructions, summary: artifact?.summary ?? null, memories, messages, cutResults, tools };
  const request = requestOf(parts);
  const isSame = requestHash(request, record.model) === record.requestHash;
  if (!isSame && missing.length === 0) missing.push('The rebuilt request is not the one that was sent.');
  const texts = request.messages.map(({ text }) => text);
  return {
    instructions: request.instructions,
    messages: messages.map((message, index) => ({ ...message, text: texts[index] ?? message.text })),
    memories,
    requestHash: record.requestHash,
    missing,
  };
}

async function instructionsOf(
  { database }: HistoryStore,
  { event: { payload } }: RebuildRequest,
  missing: string[],
): Promise<string> {
  const agent = payload.agent && (await agentVersion(database.reader, payload.agent));
  const instructions = agent?.instructions || DEFAULT_INSTRUCTIONS;
  if (sha256(instructions) !== payload.instructionsHash) missing.push('The instructions of that time are gone.');
  return instructions;
}

function toolsOf({ tools, event: { payload } }: RebuildRequest, missing: string[]): ToolDescription[] {
  const found = payload.tools.flatMap((name) => tools.find((tool) => tool.name === name) ?? []);
  if (toolsHash(found) !== payload.toolsHash)
    missing.push('The tools of that time are gone, or are described otherwise now.');
  return found;
}

/** Reads back to the first message that was shown. Where a branch or a summary begins does not change afterwards. */
async function earlierMessages(
  store: HistoryStore,
  { session, turn, event }: RebuildRequest,
  artifact: CompactionRow | null,
): Promise<HistoryMessage[]> {
  const { from } = event.payload.shown;
  if (from.runId === event.runId) return [];
  const segments = clipSegments(segmentsOf(await generationsOf(store, session), 0), 0, turn - 1);
  const found: HistoryMessage[][] = [];
  for await (const messages of walk(store, segments, 'newest')) {
    const shown = messages.filter((message) => !isSummarised(message, artifact));
    const first = shown.findIndex(({ runId, seq }) => runId === from.runId && seq === from.seq);
    found.unshift(first === -1 ? shown : shown.slice(first));
    if (first !== -1 || found.length > limits.HISTORY_RUNS) break;
  }
  return found.flat();
}

/** What stood on the run's own tape then. A message that came while the context was put together was not in it. */
async function ownMessages(
  { journal }: HistoryStore,
  { turn, event }: RebuildRequest,
  artifact: CompactionRow | null,
): Promise<HistoryMessage[]> {
  const { runId, seq } = event;
  const range = { after: 0, upTo: seq - 1, limit: limits.SPOKEN_EVENTS, types: messageEventTypes };
  const events = await journal.read(runId, range);
  const last = lastShown(event);
  const known = events.filter((each) => each.type !== 'input' || !each.payload.steered || each.seq <= last);
  return ownShown(
    transcript(known).map((message) => ({ ...message, runId, turn })),
    artifact,
  );
}
