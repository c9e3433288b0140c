import { createHash } from 'node:crypto';
import { type Clock, nextTurn } from '../../clock.ts';
import { type Model, ModelError, type ModelRequest, type ModelSink, type ModelUsage } from '../model.ts';
import { summaryWordLimit } from '../summary-request.ts';
import { readConversation, type ScriptedConversation } from './conversation.ts';
import { fallbackReply, reportResults } from './fallback-reply.ts';
import { isScript, parseScript, type ScriptAction, type ScriptStep, sayText } from './script.ts';
import { scriptedSummary } from './summary.ts';

/** Without a delay, so many pieces are given in one turn of the event loop. */
const PIECES_PER_TURN = 1000;
/** Rough length of a token, for the usage that the model reports. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * A deterministic model that works offline. It calls a few tools if the user asks for them in plain words, and executes
 * scripts.
 *
 * A message is a script if its first line is a command of `script.ts`. `/then` separates steps, and each model call
 * executes one step: the number of responses since the message says which. After the last step the model reports the
 * tool results.
 *
 * @param options.paceMilliseconds delay between pieces; with 0, a thousand pieces are given in one turn of the event loop
 */
export function createScriptedModel(options: { clock: Clock; paceMilliseconds: number }): Model {
  return {
    async stream(request, sink, signal) {
      signal.throwIfAborted();
      const conversation = readConversation(request.messages);
      const step = stepFor(conversation, request);
      try {
        const characters = await execute(step, { ...options, request, conversation, sink, signal });
        const calls = step.calls.map((call, index) => ({
          callId: `call_${conversation.nextCallNumber + index}`,
          ...call,
        }));
        return {
          reason: calls.length > 0 ? 'tool-calls' : 'stop',
          calls,
          usage: usageOf(step, request, characters),
          responseId: null,
        };
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },
  };
}

interface Execution {
  clock: Clock;
  paceMilliseconds: number;
  request: ModelRequest;
  conversation: ScriptedConversation;
  sink: ModelSink;
  signal: AbortSignal;
}

function stepFor(conversation: ScriptedConversation, request: ModelRequest): ScriptStep {
  const { userMessage, responses, latestResults } = conversation;
  const maxWords = summaryWordLimit(request);
  if (maxWords !== null) return sayText(scriptedSummary(userMessage, maxWords));
  if (!isScript(userMessage)) return fallbackReply(conversation, request.tools);
  const script = parseScript(userMessage);
  if (!script.ok) return sayText(script.problem);
  return script.steps[responses] ?? sayText(reportResults(latestResults));
}

/** Gives a step's pieces to the sink. Returns the number of characters of its text. */
async function execute(step: ScriptStep, execution: Execution): Promise<number> {
  const { clock, sink, signal } = execution;
  let characters = 0;
  let pieces = 0;
  for (const { action, paceMilliseconds } of step.actions) {
    const pace = paceMilliseconds ?? execution.paceMilliseconds;
    if (action.kind === 'hang') await untilAbort(signal);
    for (const piece of piecesOf(action, execution, characters > 0 ? '\n' : '')) {
      if (pace > 0 && pieces > 0) await clock.sleep(pace, signal);
      else if (pieces % PIECES_PER_TURN === PIECES_PER_TURN - 1) await nextTurn();
      signal.throwIfAborted();
      pieces += 1;
      if (action.kind === 'thought') {
        sink.thought(piece);
      } else {
        sink.text(piece);
        characters += piece.length;
      }
    }
  }
  return characters;
}

/** @param separator separates this text from the text before it */
function piecesOf(action: ScriptAction, { request, conversation }: Execution, separator: string): Iterable<string> {
  switch (action.kind) {
    case 'text':
      return splitWords(separator + action.text);
    case 'thought':
      return splitWords(action.text);
    case 'words':
      return numberedWords(action.count, separator);
    case 'results':
      return splitWords(separator + conversation.results.map(({ tool, text }) => `${tool}: ${text}`).join('\n'));
    case 'history':
      return splitWords(separator + request.messages.map(({ role, text }) => `${role}: ${onOneLine(text)}`).join('\n'));
    case 'instructions':
      return splitWords(separator + request.instructions);
    case 'tools':
      return splitWords(separator + request.tools.map(({ name }) => name).join(' '));
    case 'attachments':
      return splitWords(separator + describeAttachments(request));
    case 'fail':
      throw new ModelError(action.code, `The script requested ${action.code}.`, { retryable: action.retryable });
    case 'hang':
      return [];
    default:
      return action satisfies never;
  }
}

function describeAttachments({ messages }: ModelRequest): string {
  const lines = messages.flatMap((message) => {
    const [, ...attached] = message.role === 'user' ? (message.parts ?? []) : [];
    return attached.map((part) => {
      if (part.type === 'text') return onOneLine(part.text);
      const digest = createHash('sha256').update(part.bytes).digest('hex');
      return `${part.name} ${part.mediaType} ${part.bytes.length} bytes ${digest}`;
    });
  });
  return lines.length === 0 ? 'No attachments.' : lines.join('\n');
}

function* splitWords(text: string): Iterable<string> {
  for (const [word] of text.matchAll(/\s*\S+|\s+/g)) yield word;
}

function* numberedWords(count: number, separator: string): Iterable<string> {
  for (let number = 1; number <= count; number += 1) yield `${number === 1 ? separator : ' '}word-${number}`;
}

function onOneLine(text: string): string {
  return text.replaceAll('\n', '\\n');
}

function untilAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function usageOf({ usage, calls }: ScriptStep, request: ModelRequest, characters: number): ModelUsage | null {
  if (usage === null) return null;
  const callCharacters = calls.reduce((sum, call) => sum + call.tool.length + call.arguments.length, 0);
  const { input, output } =
    usage === 'counted'
      ? { input: tokensOf(charactersOf(request)), output: tokensOf(characters + callCharacters) }
      : usage;
  return { input, output, cachedInput: null, reasoning: null };
}

const tokensOf = (characters: number) => Math.ceil(characters / CHARACTERS_PER_TOKEN);

function charactersOf({ instructions, messages }: ModelRequest): number {
  let characters = instructions.length;
  for (const message of messages) {
    characters += message.text.length;
    if (message.role === 'assistant') for (const { input } of message.calls) characters += JSON.stringify(input).length;
  }
  return characters;
}
