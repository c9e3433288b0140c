import type { PayloadOf } from '../../../src/domain/events.ts';
import type { ModelRequest } from '../../../src/models/model.ts';
import type { TestClient } from '../../client.ts';
import { RunTapeDocument } from '../../generated/graphql.ts';

/** A message as the tape has it. */
interface Message {
  seq: number;
  line: string;
  /** Calls that it asks for. */
  asks: string[];
  /** The call that it is the result of. */
  answers: string | null;
}

/** A run that has ended. */
export interface TapedRun {
  id: string;
  messages: Message[];
  head: number;
  /** As the API gives it, hashes and all. */
  tape: unknown;
}

/** A session as if branching copied: every run that it sees, and up to which event. */
export interface Copy {
  id: string;
  key: string;
  /** 0 for one that is no branch. */
  generation: number;
  children: number;
  own: TapedRun[];
  seen: { run: TapedRun; upTo: number }[];
}

const lineOf = (role: string, ...rest: string[]) => [role, ...rest].join(' ');

/** What a model is to be shown in front of the next message. */
export function shownBy({ seen }: Copy): string[] {
  return seen.flatMap(({ run, upTo }) => run.messages.filter(({ seq }) => seq <= upTo).map(({ line }) => line));
}

/** The last message, not behind `seq`, with which no call stands without its result. */
export function cutAt({ messages }: TapedRun, seq: number): number {
  const kept = messages.filter((message) => message.seq <= seq);
  const isWhole = () => {
    const answered = new Set(kept.map(({ answers }) => answers));
    return kept.every(({ asks }) => asks.every((callId) => answered.has(callId)));
  };
  while (!isWhole()) kept.pop();
  return kept.at(-1)?.seq ?? 0;
}

export async function tapeOf(client: TestClient, id: string): Promise<TapedRun> {
  const { run } = await client.send(RunTapeDocument, { id, first: 100 });
  const messages = (run?.tape.nodes ?? []).flatMap(({ type, seq, payload }): Message[] => {
    if (type === 'INPUT') {
      const { text } = payload as PayloadOf<'input'>;
      return [{ seq, line: lineOf('user', text), asks: [], answers: null }];
    }
    if (type === 'OUTPUT') {
      const { text, toolCalls } = payload as PayloadOf<'output'>;
      return [{ seq, line: lineOf('assistant', text, ...toolCalls), asks: toolCalls, answers: null }];
    }
    if (type !== 'TOOL_RESULT') return [];
    const { callId } = payload as PayloadOf<'tool_result'>;
    return [{ seq, line: lineOf('tool', callId), asks: [], answers: callId }];
  });
  return { id, messages, head: run?.head ?? 0, tape: run };
}

/** What a model was given, line by line as above. */
export function linesOf({ messages }: ModelRequest): string[] {
  return messages.map((message) => {
    if (message.role === 'tool') return lineOf('tool', message.callId);
    const calls = message.role === 'assistant' ? message.calls.map(({ callId }) => callId) : [];
    return lineOf(message.role, message.text, ...calls);
  });
}
