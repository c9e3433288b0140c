import type { Clock } from '../../clock.ts';
import { type Model, ModelError, type ModelFinish, type ModelRequest, type ModelSink } from '../model.ts';
import { readConversation, type ScriptedConversation } from './conversation.ts';
import { fallbackReply, reportResults } from './fallback-reply.ts';
import { isScript, parseScript, type ScriptAction, type ScriptStep, saying } from './script.ts';
import { scriptedSummary } from './summary.ts';
import { wordsOfSummary } from '../summary-request.ts';

/** Rough length of a token, for the usage that it reports. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * A deterministic model that works offline: it chats, calls a few tools when asked to in plain words, and plays scripts.
 *
 * A message whose first line is one of these commands is a script. A line that is no command goes on with the text of
 * the command before it. Each `/then` ends a step, that is a model call; which step is played follows from the answers
 * that stand behind the message. When the script is over, results are summed up in a sentence.
 *
 * | command                  | what the model does in this step                                              |
 * |--------------------------|-------------------------------------------------------------------------------|
 * | `/say TEXT`              | says the text, word by word; a further text in the step begins on a new line |
 * | `/words N`               | says `word-1 word-2 … word-N`                                                 |
 * | `/think TEXT`            | thinks the text, word by word                                                 |
 * | `/call TOOL JSON`        | asks for a tool; the JSON may be malformed, the tool unknown                  |
 * | `/then`                  | ends the step; what follows is done after the tool results                    |
 * | `/pace MILLISECONDS`     | waits so long between pieces from here on                                     |
 * | `/fail CODE [retryable]` | fails with this code of a run error                                           |
 * | `/echo`                  | says the tool results since the message, one a line: `tool: text`             |
 * | `/history`               | says all messages it was shown, one a line: `role: text`                      |
 * | `/instructions`          | says the instructions it was given                                            |
 * | `/tools`                 | says the names of the tools it may call                                       |
 * | `/usage IN OUT`, `none`  | reports these tokens, or none; otherwise it counts characters                 |
 * | `/hang`                  | never ends, until it is aborted                                               |
 *
 * @param options.paceMilliseconds wait between pieces; with 0 a step is given in one turn of the event loop
 */
export function createScriptedModel(options: { clock: Clock; paceMilliseconds: number }): Model {
  return {
    async stream(request, sink, signal) {
      signal.throwIfAborted();
      const scene = readConversation(request.messages);
      const step = stepFor(scene, request);
      try {
        const characters = await play(step, { ...options, request, scene, sink, signal });
        const calls = step.calls.map((call, index) => ({ callId: `call_${scene.nextCall + index}`, ...call }));
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

interface Stage {
  clock: Clock;
  paceMilliseconds: number;
  request: ModelRequest;
  scene: ScriptedConversation;
  sink: ModelSink;
  signal: AbortSignal;
}

function stepFor(scene: ScriptedConversation, request: ModelRequest): ScriptStep {
  const words = wordsOfSummary(request);
  if (words !== null) return saying(scriptedSummary(scene.said, words));
  if (!isScript(scene.said)) return fallbackReply(scene, request.tools);
  const script = parseScript(scene.said);
  if (!script.ok) return saying(script.problem);
  return script.steps[scene.answers] ?? saying(reportResults(scene.latest));
}

/** Gives a step's pieces to the sink and returns how many characters of text they had. */
async function play(step: ScriptStep, stage: Stage): Promise<number> {
  const { clock, sink, signal } = stage;
  let characters = 0;
  let isFirst = true;
  for (const { beat, paceMilliseconds } of step.beats) {
    const pace = paceMilliseconds ?? stage.paceMilliseconds;
    if (beat.kind === 'hang') await abortOf(signal);
    for (const piece of piecesOf(beat, stage, characters > 0 ? '\n' : '')) {
      if (pace > 0 && !isFirst) await clock.sleep(pace, signal);
      signal.throwIfAborted();
      isFirst = false;
      if (beat.kind === 'thought') {
        sink.thought(piece);
      } else {
        sink.text(piece);
        characters += piece.length;
      }
    }
  }
  return characters;
}

/** @param separator what stands between this text and the one before it */
function piecesOf(beat: ScriptAction, { request, scene }: Stage, separator: string): Iterable<string> {
  switch (beat.kind) {
    case 'text':
      return splitWords(separator + beat.text);
    case 'thought':
      return splitWords(beat.text);
    case 'words':
      return numberedWords(beat.count, separator);
    case 'results':
      return splitWords(separator + scene.results.map(({ tool, text }) => `${tool}: ${text}`).join('\n'));
    case 'history':
      return splitWords(separator + request.messages.map(({ role, text }) => `${role}: ${onOneLine(text)}`).join('\n'));
    case 'instructions':
      return splitWords(separator + request.instructions);
    case 'tools':
      return splitWords(separator + request.tools.map(({ name }) => name).join(' '));
    case 'fail':
      throw new ModelError(beat.code, `The script asked for ${beat.code}.`, { retryable: beat.retryable });
    case 'hang':
      return [];
    default:
      return beat satisfies never;
  }
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

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function usageOf(step: ScriptStep, request: ModelRequest, characters: number): ModelFinish['usage'] {
  const counted = step.usage === 'counted' ? countedUsage(request, step, characters) : step.usage;
  return counted && { ...counted, cachedInput: null, reasoning: null };
}

function countedUsage(request: ModelRequest, { calls }: ScriptStep, characters: number) {
  let shown = request.instructions.length;
  for (const message of request.messages) {
    shown += message.text.length;
    if (message.role === 'assistant') for (const { input } of message.calls) shown += JSON.stringify(input).length;
  }
  const written = calls.reduce((sum, call) => sum + call.tool.length + call.arguments.length, characters);
  return { input: Math.ceil(shown / CHARACTERS_PER_TOKEN), output: Math.ceil(written / CHARACTERS_PER_TOKEN) };
}
