import * as limits from '../config/limits.ts';
import type { AgentRef, PayloadOf } from '../domain/events.ts';
import type { Run } from '../domain/run.ts';
import { clipSegments, type Segment, segmentsOf } from '../domain/session/lineage.ts';
import type { CatalogueEntry, ModelRequest, ToolDescription } from '../models/model.ts';
import { type CompactionRow, latestCompaction } from '../repositories/compactions.ts';
import type { FoundMemory } from '../repositories/memory/memories.ts';
import { cutOldestResults } from './cut-results.ts';
import { newestThatFit, tokensOf } from './message-window.ts';
import {
  generationsOf,
  type HistoryMessage,
  type HistorySession,
  type HistoryStore,
  messagesOf,
  walk,
} from './history.ts';
import {
  DEFAULT_INSTRUCTIONS,
  memoriesPart,
  requestHash,
  requestOf,
  sha256,
  tokensOfParts,
  toolsHash,
} from './request.ts';
import { type Recall, shownMemories } from './shown-memories.ts';
import { isSummarised, ownShown } from './summarised.ts';
import { type TokenBudget, tokenBudget } from './token-budget.ts';
import { estimateTokens } from './token-estimate.ts';

export interface ContextRequest {
  session: HistorySession;
  run: Run;
  step: number;
  agent: (AgentRef & { instructions: string }) | null;
  tools: readonly ToolDescription[];
  model: CatalogueEntry;
  /** Of the tokens that the model's provider counts to those that are estimated. */
  ratio: number;
  /** Part of the window that is used: less than 1 where a provider found the whole too long. */
  share: number;
  recall: Recall;
}

/** What is sent to the model, and what the tape keeps of it. */
export interface AssembledContext {
  request: ModelRequest;
  record: PayloadOf<'context'>;
  /** Estimated, uncorrected. */
  tokens: number;
  /** Whether older history should be summarised before the model is asked, and why. */
  pressure: 'none' | 'threshold' | 'overflow';
  /** What the session sees, this run included; what a summary would be made of. */
  segments: Segment[];
  artifact: CompactionRow | null;
}

/**
 * Newest history first within the model's window, memories, and the summary that stands for what is older. Of the run under
 * way everything is shown that no summary stands for; where that alone is too long, its oldest results are cut. What is read
 * is bounded by the window, however long the session is.
 */
export async function assembleContext(store: HistoryStore, question: ContextRequest): Promise<AssembledContext> {
  const { run, session, model, tools } = question;
  const turn = run.turn ?? 1;
  const budget = tokenBudget(model.contextTokens * question.share, question.ratio);
  const instructions = question.agent?.instructions || DEFAULT_INSTRUCTIONS;
  // A reset that came while the run is under way does not take the run itself away.
  const resetTurn = Math.min(session.resetTurn, turn - 1);
  const segments = clipSegments(segmentsOf(await generationsOf(store, session), resetTurn), 0, turn);
  const artifact = session.useCompaction ? await latestCompaction(store.database, segments) : null;
  const whole = await messagesOf(store, { runId: run.runId, turn });
  const own = ownShown(whole, artifact);
  const memories = await shownMemories(question.recall, session, whole, budget.memories);
  const told = memoriesPart(memories.map(({ memory }) => memory));
  const fixed =
    tokensOfParts({ instructions, tools }) +
    estimateTokens(artifact?.summary ?? '') +
    (told === null ? 0 : estimateTokens(told));
  const earlier = await earlierThatFit(store, { segments, turn, artifact }, budget.input - fixed - tokensOf(own));
  const cutResults = cutOldestResults(own, budget.input - fixed);
  const messages = [...earlier.messages, ...own];
  const request = requestOf({
    instructions,
    summary: artifact?.summary ?? null,
    memories: memories.map(({ memory }) => memory),
    messages,
    cutResults,
    tools,
  });
  const tokens = fixed + tokensOf(messages);
  // The run alone takes that much: leaving out what was before it would not help.
  const isOver = fixed + tokensOf(own) > budget.compactAbove;
  return {
    request,
    record: recordOf(question, { request, messages, memories, artifact, cutResults, instructions, tokens }),
    tokens,
    pressure: isOver ? 'overflow' : pressureOf(earlier.isWhole, tokens, budget),
    segments,
    artifact,
  };
}

function pressureOf(isWhole: boolean, tokens: number, budget: TokenBudget): 'none' | 'threshold' {
  return isWhole && tokens <= budget.compactAbove ? 'none' : 'threshold';
}

/** Reads back run by run until the window is full. */
async function earlierThatFit(
  store: HistoryStore,
  { segments, turn, artifact }: { segments: readonly Segment[]; turn: number; artifact: CompactionRow | null },
  room: number,
): Promise<{ messages: HistoryMessage[]; isWhole: boolean }> {
  if (room <= 0) return { messages: [], isWhole: false };
  const found: HistoryMessage[][] = [];
  let left = room;
  for await (const messages of walk(store, clipSegments(segments, artifact?.toTurn ?? 0, turn - 1), 'newest')) {
    const uncovered = messages.filter((message) => !isSummarised(message, artifact));
    found.unshift(uncovered);
    left -= tokensOf(uncovered);
    if (left < 0 || found.length >= limits.HISTORY_RUNS) {
      return { messages: newestThatFit(found.flat(), room), isWhole: false };
    }
  }
  return { messages: found.flat(), isWhole: true };
}

interface Shown {
  request: ModelRequest;
  messages: readonly HistoryMessage[];
  memories: readonly FoundMemory[];
  artifact: CompactionRow | null;
  cutResults: ReadonlySet<string>;
  instructions: string;
  tokens: number;
}

function recordOf(question: ContextRequest, shown: Shown): PayloadOf<'context'> {
  const { run, step, model, tools, agent, ratio } = question;
  const { request, messages, memories, artifact, cutResults, instructions, tokens } = shown;
  const position = (message: HistoryMessage | undefined) => ({
    runId: message?.runId ?? run.runId,
    seq: message?.seq ?? 1,
  });
  return {
    step,
    model: model.name,
    shown: { from: position(messages[0]), to: position(messages.at(-1)), messages: messages.length },
    memories: memories.map(({ memory, score }) => ({ id: memory.id, score })),
    artifactId: artifact?.id ?? null,
    agent: agent && { id: agent.id, version: agent.version },
    instructionsHash: sha256(instructions),
    tools: tools.map(({ name }) => name),
    toolsHash: toolsHash(tools),
    cutResults: [...cutResults],
    failedCompaction: null,
    estimatedTokens: Math.ceil(tokens * ratio),
    requestHash: requestHash(request, model.name),
  };
}
