import type { LanguageModelV3StreamPart, LanguageModelV3Usage } from '@ai-sdk/provider';
import { PROVIDER_CALLS } from '../../config/limits.ts';
import { interrupted, protocolError } from '../provider/response-values.ts';
import type { ModelFinish, ModelSink, ModelUsage, RequestedCall } from '../model.ts';
import { createKeeper } from './provider-state.ts';

/** Longest reason and response id that are kept; both end on the tape. */
const LABEL_CHARACTERS = 200;

/** Reads the parts of one answer. */
export interface AnswerReader {
  /** Returns whether the part is of the answer itself. Throws the failure that a part reports. */
  take(part: LanguageModelV3StreamPart): boolean;
  /** Whether nothing of the answer follows. */
  isDone(): boolean;
  /** Throws a ModelError where the answer has no end. */
  finish(): ModelFinish;
}

type FinishPart = Extract<LanguageModelV3StreamPart, { type: 'finish' }>;

/**
 * @param options.usedIds ids of the calls that the provider was shown: one that it gives again is none
 * @param options.failureOf makes a failure of what a provider reported
 */
export function createAnswerReader(options: {
  sink: ModelSink;
  usedIds: ReadonlySet<string>;
  failureOf: (error: unknown) => unknown;
}): AnswerReader {
  const { sink, failureOf } = options;
  const seenIds = new Set(options.usedIds);
  const calls: RequestedCall[] = [];
  const keeper = createKeeper();
  let end: FinishPart | null = null;
  let responseId: string | null = null;

  function call(id: string, tool: string, input: string): void {
    if (calls.length === PROVIDER_CALLS) throw protocolError(`more than ${PROVIDER_CALLS} tool calls at once`);
    const isFresh = id !== '' && !seenIds.has(id);
    seenIds.add(id);
    calls.push({ callId: isFresh ? id : null, tool, arguments: input.trim() === '' ? '{}' : input });
  }

  return {
    take(part) {
      keeper.take(part);
      switch (part.type) {
        case 'text-delta':
          if (part.delta !== '') sink.text(part.delta);
          return true;
        case 'reasoning-delta':
          if (part.delta !== '') sink.thought(part.delta);
          return true;
        case 'tool-call':
          // What the provider ran by itself is no call for us.
          if (!part.providerExecuted) call(part.toolCallId, part.toolName, part.input);
          return true;
        case 'response-metadata':
          if (part.id) responseId ??= label(part.id);
          return false;
        case 'error':
          throw failureOf(part.error);
        case 'finish':
          end = part;
          return true;
        default:
          return (
            part.type.startsWith('tool-input') || part.type.startsWith('text') || part.type.startsWith('reasoning')
          );
      }
    },
    isDone: () => end !== null,
    finish() {
      if (end === null || isBroken(end)) throw interrupted();
      const state = keeper.state();
      return {
        reason: reasonOf(end),
        calls,
        usage: usageOf(end.usage),
        responseId,
        ...(state !== null && { providerState: state }),
      };
    },
  };
}

/** Some packages end every stream with a `finish`, also one that was cut: then they know of no reason. */
function isBroken({ finishReason: { unified, raw } }: FinishPart): boolean {
  return unified === 'error' || (unified === 'other' && raw === undefined);
}

function reasonOf({ finishReason: { unified, raw } }: FinishPart): string {
  return unified === 'other' ? label(raw ?? unified) : unified;
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV3Usage): ModelUsage | null {
  const input = count(inputTokens.total);
  const output = count(outputTokens.total);
  if (input === null || output === null) return null;
  return { input, output, cachedInput: count(inputTokens.cacheRead), reasoning: count(outputTokens.reasoning) };
}

function count(value: number | undefined): number | null {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function label(text: string): string {
  return text.slice(0, LABEL_CHARACTERS).toWellFormed();
}
