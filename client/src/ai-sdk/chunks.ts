import type { UIMessageChunk } from 'ai';
import type { TapeEvent } from '../index.ts';

/** On a part whose step started over after a crash: its text is not part of the answer. */
export const dropped = { runtape: { dropped: true } };

/** Translates the events of one run into chunks of the AI SDK's stream. */
export interface ChunkWriter {
  /** The chunks of one event. */
  write(event: TapeEvent): UIMessageChunk[];
}

type Part = { kind: 'text' | 'reasoning'; id: string; text: string };

/** Writes texts as parts, which begin, grow and end. */
function createPartWriter(runId: string) {
  let part: Part | null = null;
  let parts = 0;

  function end(providerMetadata?: typeof dropped): UIMessageChunk[] {
    if (part === null) return [];
    const { kind, id } = part;
    part = null;
    return [{ type: `${kind}-end`, id, ...(providerMetadata ? { providerMetadata } : {}) }];
  }

  function append(kind: Part['kind'], delta: string): UIMessageChunk[] {
    const chunks: UIMessageChunk[] = [];
    if (part?.kind !== kind) {
      chunks.push(...end());
      part = { kind, id: `${runId}/${++parts}`, text: '' };
      chunks.push({ type: `${kind}-start`, id: part.id });
    }
    const { id } = part as Part;
    (part as Part).text += delta;
    return [...chunks, { type: `${kind}-delta`, id, delta }];
  }

  /** The whole text of an answer, which may not have been streamed. */
  function complete(text: string): UIMessageChunk[] {
    const streamed = part?.kind === 'text' ? part.text : '';
    if (streamed === text) return end();
    if (text.startsWith(streamed)) return [...append('text', text.slice(streamed.length)), ...end()];
    return [...end(dropped), ...append('text', text), ...end()];
  }

  return { append, complete, end };
}

export function createChunkWriter(runId: string): ChunkWriter {
  const { append, complete, end } = createPartWriter(runId);
  let isInStep = false;
  const denied = new Set<string>();

  function endStep(): UIMessageChunk[] {
    const chunks: UIMessageChunk[] = isInStep ? [...end(), { type: 'finish-step' }] : [];
    isInStep = false;
    return chunks;
  }

  function enter(event: Extract<TapeEvent, { type: 'STATUS' }>): UIMessageChunk[] {
    switch (event.to) {
      case 'AWAITING_APPROVAL':
        return [...endStep(), { type: 'finish', finishReason: 'tool-calls' }];
      case 'DONE':
        return [...endStep(), { type: 'finish', finishReason: 'stop' }];
      case 'FAILED':
        return [...endStep(), { type: 'error', errorText: event.failure?.message ?? 'The run failed.' }];
      case 'CANCELLED':
        return [...endStep(), { type: 'abort', reason: event.statusReason ?? 'The run was cancelled.' }];
      default:
        return [];
    }
  }

  return {
    write(event) {
      switch (event.type) {
        case 'CONTEXT':
          isInStep = true;
          return [{ type: 'start-step' }];
        case 'THOUGHT':
          return append('reasoning', event.text);
        case 'OUTPUT_DELTA':
          return append('text', event.text);
        case 'OUTPUT':
          return complete(event.text);
        case 'RESUMPTION':
          return end(dropped);
        case 'TOOL_CALL': {
          const { callId: toolCallId, tool: toolName, input } = event;
          return [{ type: 'tool-input-available', toolCallId, toolName, input, dynamic: true }];
        }
        case 'APPROVAL_REQUEST':
          return [{ type: 'tool-approval-request', toolCallId: event.callId, approvalId: event.approval.id }];
        case 'APPROVAL_DECISION':
          if (event.status === 'ALLOWED' || event.status === 'WITHDRAWN') return [];
          denied.add(event.callId);
          return [{ type: 'tool-output-denied', toolCallId: event.callId }];
        case 'TOOL_RESULT': {
          const { callId: toolCallId, ok, output, error } = event;
          if (denied.has(toolCallId)) return [];
          if (ok) return [{ type: 'tool-output-available', toolCallId, output, dynamic: true }];
          return [{ type: 'tool-output-error', toolCallId, errorText: error ?? 'The tool failed.', dynamic: true }];
        }
        case 'STATUS':
          return enter(event);
        default:
          return [];
      }
    },
  };
}
