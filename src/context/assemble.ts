import * as limits from '../config/limits.ts';
import type { AgentRef, Json, PayloadOf } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';
import { clipSegments, type Segment, segmentsOf } from '../domain/session.ts';
import type { CatalogueEntry } from '../models/catalogue.ts';
import type { ModelRequest, ToolDescription } from '../models/model.ts';
import { type CompactionRow, latestCompaction } from '../repositories/compactions.ts';
import type { FoundMemory } from '../repositories/memories.ts';
import {
  generationsOf,
  type HistoryMessage,
  type HistorySession,
  type HistoryStore,
  isCompacted,
  messagesOfRun,
  shownOfCurrentRun,
  walkRuns,
  withResultRequest,
} from './history.ts';
import type { RecallRequest } from './memory/recall.ts';
import { newestThatFit, resultsToCut } from './message-window.ts';
import {
  DEFAULT_INSTRUCTIONS,
  estimateFixedParts,
  memoriesSection,
  requestHash,
  requestOf,
  sha256,
  toolsHash,
} from './request.ts';
import { type TokenBudget, tokenBudget } from './token-budget.ts';
import { estimateMessages, estimateTokens } from './token-estimate.ts';
import type { ToolTexts } from './tool-texts.ts';

export interface ContextRequest {
  session: HistorySession;
  run: Run;
  step: number;
  /** Null if the run has no agent. */
  agent: (AgentRef & { instructions: string }) | null;
  tools: readonly ToolDescription[];
  /** JSON Schema of the result; null if it is text. */
  outputSchema: Json | null;
  toolTexts: ToolTexts;
  model: CatalogueEntry;
  /** Counted tokens per estimated token. */
  ratio: number;
  /** The share of the context window to use: less than 1 after the provider found a request too long. */
  share: number;
  /** Finds memories, the best match first. */
  recall(request: RecallRequest): Promise<FoundMemory[]>;
}

/** What is sent to the model, and what the tape records about it. */
export interface AssembledContext {
  request: ModelRequest;
  record: PayloadOf<'context'>;
  /** Estimated, not corrected by the ratio. */
  tokens: number;
  /**
   * Whether older history should be summarised before the model is called: `threshold` if history does not fit or takes
   * too much of the window, `overflow` if the current run alone does.
   */
  pressure: 'none' | 'threshold' | 'overflow';
  /** What the session sees, including the current run; a summary is made from it. */
  segments: Segment[];
  /** The compaction that the request contains; null if there is none. */
  compaction: CompactionRow | null;
}

/**
 * Assembles the request of one step: the newest history that fits the context window, memories, and the summary of what is
 * older. The current run is shown completely, except for what a compaction replaces; if it is too long by itself, its
 * oldest results are cut. The window bounds how much is read, however long the session is.
 */
export async function assembleContext(store: HistoryStore, contextRequest: ContextRequest): Promise<AssembledContext> {
  const { run, session, model, tools, toolTexts } = contextRequest;
  const turn = run.turn ?? 1;
  const budget = tokenBudget(model.contextTokens * contextRequest.share, contextRequest.ratio);
  const instructions = contextRequest.agent?.instructions || DEFAULT_INSTRUCTIONS;
  // A reset during the run must not hide the run itself.
  const resetTurn = Math.min(session.resetTurn, turn - 1);
  const segments = clipSegments(segmentsOf(await generationsOf(store, session), resetTurn), 0, turn);
  // Before the first answer that the session sees there is nothing that a summary could replace.
  const hasHistory = run.steps > 0 || segments.some(({ fromTurn }) => fromTurn < turn);
  const compaction = session.useCompaction && hasHistory ? await latestCompaction(store.database, segments) : null;
  const ofRun = await messagesOfRun(store, { runId: run.runId, turn });
  const shown = shownOfCurrentRun(ofRun, compaction);
  // A message that was recorded since the fold comes first: the model answers to it.
  const hasNewMessage = ofRun.some(({ role, seq }) => role === 'user' && seq > run.head);
  const current = withResultRequest(shown, contextRequest.outputSchema, hasNewMessage ? null : run.resultProblem);
  const foundMemories = await findMemories(contextRequest, ofRun, budget.memories);
  const memories = foundMemories.map(({ memory }) => memory);
  const fixedTokens =
    estimateFixedParts({ instructions, tools }, toolTexts) +
    estimateTokens(compaction?.summary ?? '') +
    estimateTokens(memoriesSection(memories) ?? '');
  const currentTokens = estimateMessages(current);
  const room = budget.input - fixedTokens;
  const earlier = await earlierThatFit(store, { segments, turn, compaction }, room - currentTokens);
  const cutResults = resultsToCut(current, room);
  const messages = [...earlier.messages, ...current];
  const summary = compaction?.summary ?? null;
  const responseFormat = responseFormatOf(contextRequest);
  const request = requestOf({
    instructions,
    summary,
    memories,
    messages,
    cutResults,
    tools,
    responseFormat,
    attachmentKinds: model.attachments,
  });
  const tokens = fixedTokens + estimateMessages(messages);
  // Leaving out older history would not help if the current run alone is too long.
  const isOverflow = fixedTokens + currentTokens > budget.compactAbove;
  return {
    request,
    record: recordOf(contextRequest, {
      request,
      messages,
      foundMemories,
      compaction,
      cutResults,
      instructions,
      tokens,
    }),
    tokens,
    pressure: isOverflow ? 'overflow' : pressureOf(earlier.isComplete, tokens, budget),
    segments,
    compaction,
  };
}

/** Providers accept only schemas of objects. The result is asked for in words otherwise. */
function responseFormatOf({ model, outputSchema }: ContextRequest): Json | null {
  const isObject =
    typeof outputSchema === 'object' &&
    outputSchema !== null &&
    'type' in outputSchema &&
    outputSchema.type === 'object';
  return model.structuredOutput && isObject ? outputSchema : null;
}

function pressureOf(isComplete: boolean, tokens: number, budget: TokenBudget): 'none' | 'threshold' {
  return isComplete && tokens <= budget.compactAbove ? 'none' : 'threshold';
}

/** Memories that match the newest user message, the best match first, as many as fit. */
async function findMemories(
  { recall, session }: ContextRequest,
  messages: readonly HistoryMessage[],
  tokens: number,
): Promise<FoundMemory[]> {
  const text = messages.findLast(({ role }) => role === 'user')?.text ?? '';
  const matches = await recall({ owner: session.owner, sessionId: session.id, text, limit: limits.SHOWN_MEMORIES });
  let left = tokens;
  return matches.filter(({ memory }) => {
    left -= estimateTokens(memory.text);
    return left >= 0;
  });
}

/** Reads backwards, run by run, until the tokens are used up. */
async function earlierThatFit(
  store: HistoryStore,
  { segments, turn, compaction }: { segments: readonly Segment[]; turn: number; compaction: CompactionRow | null },
  tokens: number,
): Promise<{ messages: HistoryMessage[]; isComplete: boolean }> {
  if (tokens <= 0) return { messages: [], isComplete: false };
  const runs: HistoryMessage[][] = [];
  let left = tokens;
  for await (const messages of walkRuns(store, clipSegments(segments, compaction?.toTurn ?? 0, turn - 1), 'newest')) {
    const uncompacted = messages.filter((message) => !isCompacted(message, compaction));
    runs.unshift(uncompacted);
    left -= estimateMessages(uncompacted);
    if (left < 0 || runs.length >= limits.HISTORY_RUNS) {
      return { messages: newestThatFit(runs.flat(), tokens), isComplete: false };
    }
  }
  return { messages: runs.flat(), isComplete: true };
}

interface ShownContext {
  request: ModelRequest;
  messages: readonly HistoryMessage[];
  foundMemories: readonly FoundMemory[];
  compaction: CompactionRow | null;
  cutResults: ReadonlySet<string>;
  instructions: string;
  tokens: number;
}

function recordOf(contextRequest: ContextRequest, shown: ShownContext): PayloadOf<'context'> {
  const { run, step, model, tools, toolTexts, agent, ratio } = contextRequest;
  const { request, messages, foundMemories, compaction, cutResults, instructions, tokens } = shown;
  const position = (message: HistoryMessage | undefined) => ({
    runId: message?.runId ?? run.runId,
    seq: message?.seq ?? 1,
  });
  return {
    step,
    model: model.name,
    shown: { from: position(messages[0]), to: position(messages.at(-1)), messages: messages.length },
    memories: foundMemories.map(({ memory, score }) => ({ id: memory.id, score })),
    artifactId: compaction?.id ?? null,
    agent: agent && { id: agent.id, version: agent.version },
    instructionsHash: sha256(instructions),
    tools: tools.map(({ name }) => name),
    toolsHash: toolsHash(tools, toolTexts),
    cutResults: [...cutResults],
    failedCompaction: null,
    estimatedTokens: Math.ceil(tokens * ratio),
    requestHash: requestHash(request, model.name, toolTexts),
    ...(request.outputSchema !== undefined && { responseFormat: true }),
    ...(messages.some(hasAttachments) && { attachmentKinds: [...model.attachments] }),
  };
}

function hasAttachments(message: HistoryMessage): boolean {
  return message.role === 'user' && message.attachments !== undefined;
}
