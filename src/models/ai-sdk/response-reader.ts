import type { LanguageModelV3StreamPart, LanguageModelV3Usage } from '@ai-sdk/provider';
import type { ModelFinish, ModelSink, ModelUsage } from '../model.ts';
import { incompleteResponse, protocolError } from '../provider/failure.ts';
import { addRefusal, isRecord, labelOf, tokenCount } from '../provider/response-values.ts';
import { addCall, type ProviderCall, requestedCalls } from '../provider/tool-calls.ts';
import { createProviderStateCollector } from './provider-state.ts';

/** Reads the parts of one response. */
export interface ResponseReader {
  /** Returns whether the part belongs to the response's content. Throws the failure that a part reports. */
  read(part: LanguageModelV3StreamPart): boolean;
  /** Whether the response is complete. */
  isDone(): boolean;
  /** Throws a ModelError if the response has no end. */
  finish(): ModelFinish;
}

const contentTypes: ReadonlySet<string> = new Set(['text-delta', 'reasoning-delta', 'tool-call', 'tool-input-delta']);

type FinishPart = Extract<LanguageModelV3StreamPart, { type: 'finish' }>;

/**
 * @param options.usedIds ids of the calls that the request showed to the provider
 * @param options.failureOf turns what a provider reported into a failure
 */
export function createResponseReader(options: {
  sink: ModelSink;
  usedIds: ReadonlySet<string>;
  failureOf: (error: unknown) => unknown;
}): ResponseReader {
  const { sink, usedIds, failureOf } = options;
  const calls: ProviderCall[] = [];
  const stateCollector = createProviderStateCollector();
  let end: FinishPart | null = null;
  let responseId: string | null = null;
  let refusal = '';
  let hasContent = false;

  return {
    read(part) {
      stateCollector.add(part);
      hasContent ||= contentTypes.has(part.type);
      switch (part.type) {
        case 'text-delta':
          if (part.delta !== '') sink.text(part.delta);
          return true;
        case 'reasoning-delta':
          if (part.delta !== '') sink.thought(part.delta);
          return true;
        case 'tool-call':
          // Calls that the provider executes itself are not for this server.
          if (!part.providerExecuted) {
            addCall(calls, { id: part.toolCallId || null, tool: part.toolName, arguments: part.input });
          }
          return true;
        case 'response-metadata':
          if (part.id) responseId ??= labelOf(part.id);
          return false;
        case 'raw':
          // The package has no part for a refusal.
          if (isRecord(part.rawValue) && part.rawValue.type === 'response.refusal.delta') {
            refusal = addRefusal(refusal, part.rawValue.delta);
          }
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
      if (end === null || isIncomplete(end))
        throw hasContent ? incompleteResponse() : protocolError('it contains no answer');
      const state = stateCollector.state();
      return {
        reason: refusal === '' ? reasonOf(end) : 'refusal',
        ...(refusal !== '' && { refusal }),
        calls: requestedCalls(calls, usedIds),
        usage: usageOf(end.usage),
        responseId,
        ...(state !== null && { providerState: state }),
      };
    },
  };
}

/** Some packages end every stream with a `finish`, even one that was cut off; then it has no reason. */
function isIncomplete({ finishReason: { unified, raw } }: FinishPart): boolean {
  return unified === 'error' || (unified === 'other' && raw === undefined);
}

function reasonOf({ finishReason: { unified, raw } }: FinishPart): string {
  return unified === 'other' ? labelOf(raw ?? unified) : unified;
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV3Usage): ModelUsage | null {
  const input = tokenCount(inputTokens.total);
  const output = tokenCount(outputTokens.total);
  if (input === null || output === null) return null;
  const cachedInput = tokenCount(inputTokens.cacheRead);
  return { input, output, cachedInput, reasoning: tokenCount(outputTokens.reasoning) };
}
