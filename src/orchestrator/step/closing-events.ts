import { z } from 'zod';
import { EVENT_BYTES, TOOL_INPUT_BYTES } from '../../config/limits.ts';
import { estimateTokens } from '../../context/token-estimate.ts';
import type { Json, NewEvent, OutputUsage, PayloadOf } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import { canonicalJson, canonicalValue } from '../../journal/canonical-json.ts';
import { type CatalogueEntry, costOf } from '../../models/catalogue.ts';
import type { ModelFinish, RequestedCall } from '../../models/model.ts';
import type { RunExecution } from '../run-execution.ts';

/** Room in an `output` event for everything beside its text and provider state: mostly call ids. */
const RESERVED_BYTES = 16 * 1024;
/** What is kept of arguments that cannot be parsed. */
const KEPT_CHARACTERS = 2000;

interface ModelAnswer {
  /** The model that answered. */
  model: CatalogueEntry;
  finish: ModelFinish;
  /** The whole text of the answer. */
  text: string;
  step: number;
  /** Estimated tokens of the request. */
  estimatedInput: number;
}

/** The events that close a model call: its `output`, and the `tool_call`s that it requested. */
export function closingEvents(execution: RunExecution, answer: ModelAnswer): NewEvent[] {
  const { finish, text, step, model } = answer;
  const { maxToolCalls } = execution.configuration.limits;
  // One call more than allowed is enough to see that the limit is exceeded.
  const requested = finish.calls.slice(0, maxToolCalls + 1);
  const calls = requested.map((call) => toolCall(execution, step, call));
  const output: NewEvent = {
    type: 'output',
    actor: 'MODEL',
    payload: {
      step,
      text,
      toolCalls: calls.map(({ callId }) => callId),
      finishReason: finish.reason,
      usage: usageOf(answer),
      model: model.name,
      responseId: finish.responseId,
      providerState: providerStateOf(answer),
    },
  };
  return [output, ...calls.map((payload): NewEvent => ({ type: 'tool_call', actor: 'MODEL', payload }))];
}

/** Null when the state does not fit into the event beside the text, which comes first. */
function providerStateOf({ finish, text }: ModelAnswer): Json {
  if (finish.providerState === undefined) return null;
  const { text: json, value } = canonicalJson(finish.providerState);
  const room = EVENT_BYTES - RESERVED_BYTES - Buffer.byteLength(JSON.stringify(text));
  return Buffer.byteLength(json) <= room ? value : null;
}

/** Call ids are created here: those of providers repeat, or are missing. */
function toolCall({ dependencies, lease }: RunExecution, step: number, call: RequestedCall): PayloadOf<'tool_call'> {
  const { input, inputError } = parseArguments(call.arguments);
  return {
    step,
    callId: dependencies.newId('call'),
    tool: storableText(call.tool),
    input: dependencies.secretStore.mask(lease.sessionId, input),
    inputError,
  };
}

function usageOf({ finish, text, model, estimatedInput }: ModelAnswer): OutputUsage {
  const estimate = { input: estimatedInput, output: estimateTokens(text), cachedInput: null, reasoning: null };
  const usage = finish.usage ?? estimate;
  return { ...usage, estimated: finish.usage === null, cost: model.price && costOf(usage, model.price) };
}

/** Parses the arguments that a model wrote. Invalid ones are kept as text, with the reason in a sentence for the model. */
function parseArguments(text: string): { input: Json; inputError: string | null } {
  const invalid = (inputError: string) => ({ input: canonicalValue(text.slice(0, KEPT_CHARACTERS)), inputError });
  if (Buffer.byteLength(text) > TOOL_INPUT_BYTES) {
    return invalid(`The arguments are longer than ${TOOL_INPUT_BYTES} bytes.`);
  }
  try {
    const input = z.json().parse(JSON.parse(text));
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
      return { input: canonicalValue(input), inputError: null };
    }
    return invalid('The arguments must be a JSON object.');
  } catch (error) {
    return invalid(`The arguments are not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
