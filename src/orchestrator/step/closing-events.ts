import { EVENT_BYTES } from '../../config/limits.ts';
import { estimateTokens } from '../../context/token-estimate.ts';
import type { Json, NewEvent, OutputUsage, PayloadOf } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import { canonicalJson } from '../../journal/canonical-json.ts';
import type { CatalogueEntry, ModelFinish, RequestedCall } from '../../models/model.ts';
import { costOf } from '../../models/price.ts';
import type { OrchestratorDependencies } from '../dependencies.ts';
import { parseArguments } from './requested-call.ts';

/** What an `output` needs beside its text and the state of its provider: mostly ids of calls. */
const RESERVED_BYTES = 16 * 1024;

interface Closing {
  /** The one that answered. */
  model: CatalogueEntry;
  finish: ModelFinish;
  /** All that it said. */
  text: string;
  sessionId: string;
  step: number;
  estimatedInput: number;
}

/** What closes a model call: its `output`, and the calls that it asked for. */
export function closingEvents(environment: OrchestratorDependencies, closing: Closing): NewEvent[] {
  const { finish, text, step, model } = closing;
  const { maxToolCalls } = environment.settings.limits;
  // One more than allowed is enough to see that the limit is passed.
  const asked = finish.calls.slice(0, maxToolCalls + 1);
  const calls = asked.map((call) => toolCall(environment, closing, call));
  const output: NewEvent = {
    type: 'output',
    actor: 'MODEL',
    payload: {
      step,
      text,
      toolCalls: calls.map(({ callId }) => callId),
      finishReason: finish.reason,
      usage: usageOf(closing),
      model: model.name,
      responseId: finish.responseId,
      providerState: fittingState(closing),
    },
  };
  return [output, ...calls.map((payload): NewEvent => ({ type: 'tool_call', actor: 'MODEL', payload }))];
}

/** What is too long beside its answer is not kept: the event has a bound, and the answer comes first. */
function fittingState({ finish, text }: Closing): Json {
  if (finish.providerState === undefined) return null;
  const { text: written, value } = canonicalJson(finish.providerState);
  const room = EVENT_BYTES - RESERVED_BYTES - Buffer.byteLength(JSON.stringify(text));
  return Buffer.byteLength(written) <= room ? value : null;
}

/** Ids are ours: those of providers repeat, or are missing. */
function toolCall(
  { newId, services: world }: OrchestratorDependencies,
  { step, sessionId }: Closing,
  call: RequestedCall,
): PayloadOf<'tool_call'> {
  const { input, inputError } = parseArguments(call.arguments);
  const shown = world.secretStore.mask(sessionId, input);
  return { step, callId: newId('call'), tool: storableText(call.tool), input: shown, inputError };
}

function usageOf({ finish, text, model, estimatedInput }: Closing): OutputUsage {
  const estimate = { input: estimatedInput, output: estimateTokens(text), cachedInput: null, reasoning: null };
  const usage = finish.usage ?? estimate;
  return { ...usage, estimated: finish.usage === null, cost: model.price && costOf(usage, model.price) };
}
