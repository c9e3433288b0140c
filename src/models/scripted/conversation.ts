import { isResultRequest } from '../../domain/result.ts';
import type { Message } from '../../domain/transcript.ts';

export type ToolMessage = Extract<Message, { role: 'tool' }>;

/** The state of a conversation, as far as the scripted model needs it. */
export interface ScriptedConversation {
  /** The newest message of the user. */
  userMessage: string;
  /** Number of user messages before it. */
  earlierUserMessages: number;
  /** Number of responses to it so far. */
  responses: number;
  /** Tool results since the newest user message. */
  results: ToolMessage[];
  /** Tool results since the newest response. */
  latestResults: ToolMessage[];
  /** Number for the id of the next call. */
  nextCallNumber: number;
}

export function readConversation(messages: readonly Message[]): ScriptedConversation {
  let userMessage = '';
  let userMessages = 0;
  let responses = 0;
  let results: ToolMessage[] = [];
  let latestResults: ToolMessage[] = [];
  let calls = 0;
  let highestCallNumber = 0;
  for (const message of messages) {
    // Asks for the same answer in another form, so the script goes on.
    if (message.role === 'user' && isResultRequest(message.text)) continue;
    if (message.role === 'user') {
      userMessage = message.text;
      userMessages += 1;
      responses = 0;
      results = [];
      latestResults = [];
    } else if (message.role === 'tool') {
      results.push(message);
      latestResults.push(message);
    } else {
      responses += 1;
      latestResults = [];
      calls += message.calls.length;
      for (const { callId } of message.calls) highestCallNumber = Math.max(highestCallNumber, callNumberOf(callId));
    }
  }
  return {
    userMessage,
    earlierUserMessages: Math.max(0, userMessages - 1),
    responses,
    results,
    latestResults,
    // If older calls are no longer shown, counting calls alone would use a number twice.
    nextCallNumber: Math.max(calls, highestCallNumber) + 1,
  };
}

function callNumberOf(callId: string): number {
  return Number(/^call_(\d{1,9})$/.exec(callId)?.[1] ?? 0);
}
