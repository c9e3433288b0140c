import { maskedInputProblem } from '../../application/tool-calls/evaluate-call.ts';
import { EVENT_BYTES, INLINE_ANSWER_BYTES, TOOL_INPUT_BYTES } from '../../config/limits.ts';
import { tokensOfBytes } from '../../context/token-estimate.ts';
import type { RowWrite } from '../../database/batch-statement.ts';
import type { Json, NewEvent, OutputUsage, PayloadOf, ResultCheck, StoredTextRef } from '../../domain/events.ts';
import { maskedBeginning } from '../../domain/secrets/mask.ts';
import { beginningOf, storableText } from '../../domain/storable-text.ts';
import { canonicalJson, canonicalValue } from '../../journal/canonical-json.ts';
import { type CatalogueEntry, costOf } from '../../models/catalogue.ts';
import type { ModelFinish, RequestedCall } from '../../models/model.ts';
import { storeText } from '../../repositories/stored-texts.ts';
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
  /** Length of text and thoughts in UTF-8. */
  bytes: number;
  step: number;
  /** Estimated tokens of the request. */
  estimatedInput: number;
  /** How it compares with the output schema; null if the run has none or the answer is not final. */
  result: ResultCheck | null;
}

/** The events that close a model call: its `output`, and the `tool_call`s that it requested. The rows belong to the same append. */
export async function closeAnswer(
  execution: RunExecution,
  answer: ModelAnswer,
): Promise<{ events: NewEvent[]; rows: RowWrite[]; usage: OutputUsage }> {
  const { finish, step, model } = answer;
  const { text, storedText, rows } = inlineText(execution, answer.text);
  const { maxToolCalls } = execution.configuration.limits;
  // One call more than allowed is enough to see that the limit is exceeded.
  const requested = finish.calls.slice(0, maxToolCalls + 1);
  const calls: PayloadOf<'tool_call'>[] = [];
  // One after the other: a call takes milliseconds.
  for (const call of requested) calls.push(await toolCall(execution, step, call));
  const usage = usageOf(answer);
  const output: NewEvent = {
    type: 'output',
    actor: 'MODEL',
    payload: {
      step,
      text,
      storedText,
      toolCalls: calls.map(({ callId }) => callId),
      finishReason: finish.reason,
      refusal: finish.refusal === undefined ? null : storableText(finish.refusal),
      usage,
      model: model.name,
      responseId: finish.responseId,
      providerState: providerStateOf(finish, text),
      ...(answer.result && { result: answer.result }),
    },
  };
  const events = [output, ...calls.map((payload): NewEvent => ({ type: 'tool_call', actor: 'MODEL', payload }))];
  return { events, rows, usage };
}

/** What the event keeps of the text. If that is not all of it, the whole text is stored beside the tape. */
function inlineText(
  execution: RunExecution,
  whole: string,
): { text: string; storedText: StoredTextRef | null; rows: RowWrite[] } {
  // JSON is at least as long as the text.
  const isLong = Buffer.byteLength(whole) > INLINE_ANSWER_BYTES || jsonBytes(whole) > INLINE_ANSWER_BYTES;
  if (!isLong) return { text: whole, storedText: null, rows: [] };
  const { storedText, row } = storeText(execution.dependencies.newId, execution.lease.runId, whole);
  let text = beginningOf(whole, INLINE_ANSWER_BYTES);
  // Escapes make JSON longer than the text. Evenly distributed ones need one or two rounds.
  for (let bytes = jsonBytes(text); bytes > INLINE_ANSWER_BYTES; bytes = jsonBytes(text)) {
    text = beginningOf(text, Math.floor((Buffer.byteLength(text) * INLINE_ANSWER_BYTES) / bytes));
  }
  return { text, storedText, rows: [row] };
}

const jsonBytes = (text: string) => Buffer.byteLength(JSON.stringify(text));

/** Null when the state does not fit into the event beside the text, which comes first. */
function providerStateOf(finish: ModelFinish, text: string): Json {
  if (finish.providerState === undefined) return null;
  const { text: json, value } = canonicalJson(finish.providerState);
  const room = EVENT_BYTES - RESERVED_BYTES - jsonBytes(text);
  return Buffer.byteLength(json) <= room ? value : null;
}

/** Call ids are created here: those of providers repeat, or are missing. */
async function toolCall(
  { dependencies, lease }: RunExecution,
  step: number,
  call: RequestedCall,
): Promise<PayloadOf<'tool_call'>> {
  const callId = dependencies.newId('call');
  const parsed = parseArguments(call.arguments);
  const masked = await dependencies.secretStore.mask({ sessionId: lease.sessionId, callId }, parsed.input);
  const problem = maskedInputProblem(masked);
  const { input, inputError } =
    problem === null ? { ...parsed, input: masked } : invalidArguments(JSON.stringify(masked), problem);
  return { step, callId, tool: storableText(call.tool), input, inputError };
}

function usageOf({ finish, bytes, model, estimatedInput }: ModelAnswer): OutputUsage {
  const estimate = { input: estimatedInput, output: tokensOfBytes(bytes), cachedInput: null, reasoning: null };
  const usage = finish.usage ?? estimate;
  return { ...usage, estimated: finish.usage === null, cost: model.price && costOf(usage, model.price) };
}

/** Parses the arguments that a model wrote. Invalid ones are kept as text, with the reason in a sentence for the model. */
function parseArguments(text: string): { input: Json; inputError: string | null } {
  if (Buffer.byteLength(text) > TOOL_INPUT_BYTES) {
    return invalidArguments(text, `The arguments are longer than ${TOOL_INPUT_BYTES} bytes.`);
  }
  try {
    const input = JSON.parse(text) as Json;
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
      return { input: canonicalValue(input), inputError: null };
    }
    return invalidArguments(text, 'The arguments must be a JSON object.');
  } catch (error) {
    // Some messages end with a part of the text, which may be a part of a credential.
    const problem = String(error instanceof Error ? error.message : error).replace(/, (?:\.\.\.)?".*/s, '');
    return invalidArguments(text, `The arguments are not valid JSON: ${problem}`);
  }
}

const invalidArguments = (text: string, inputError: string) => ({
  input: maskedBeginning(text, KEPT_CHARACTERS),
  inputError,
});
