import type { Message } from '../../domain/transcript.ts';

export type ToolMessage = Extract<Message, { role: 'tool' }>;

/** Where a conversation stands. */
export interface ScriptedConversation {
  /** The newest message of the user. */
  said: string;
  /** Messages of the user before it. */
  earlier: number;
  /** Answers that the model has given to it so far. */
  answers: number;
  /** Results since then, and those of the newest answer alone. */
  results: ToolMessage[];
  latest: ToolMessage[];
  /** Number for the next call's id. */
  nextCall: number;
}

export function readConversation(messages: readonly Message[]): ScriptedConversation {
  const scene: ScriptedConversation = { said: '', earlier: -1, answers: 0, results: [], latest: [], nextCall: 1 };
  let shownCalls = 0;
  let highest = 0;
  for (const message of messages) {
    if (message.role === 'user') {
      Object.assign(scene, { said: message.text, earlier: scene.earlier + 1, answers: 0, results: [], latest: [] });
    } else if (message.role === 'tool') {
      scene.results.push(message);
      scene.latest.push(message);
    } else {
      scene.answers += 1;
      scene.latest = [];
      shownCalls += message.calls.length;
      for (const { callId } of message.calls) highest = Math.max(highest, numberOf(callId));
    }
  }
  // Where old calls are no longer shown, counting alone would use a number twice.
  return { ...scene, earlier: Math.max(scene.earlier, 0), nextCall: Math.max(shownCalls, highest) + 1 };
}

function numberOf(callId: string): number {
  return Number(/^call_(\d{1,9})$/.exec(callId)?.[1] ?? 0);
}
