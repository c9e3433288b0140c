import type { PayloadOf } from '../../../src/domain/events.ts';
import type { ModelRequest } from '../../../src/models/model.ts';
import type { TestClient } from '../../client.ts';
import { RunTapeDocument } from '../../generated/graphql.ts';

/** A message as it is on the tape. */
interface Message {
  seq: number;
  line: string;
  /** Ids of the calls that it requests. */
  requestedCalls: string[];
  /** Id of the call that it is the result of; null if it is not a result. */
  resultOf: string | null;
}

/** A run that has ended. */
export interface TapedRun {
  id: string;
  messages: Message[];
  head: number;
  /** As the API returns it, including hashes. */
  tape: unknown;
}

/** A model of a session in which branching copies: every run that the session sees, and up to which event. */
export interface Copy {
  id: string;
  key: string;
  /** 0 if it is not a branch. */
  generation: number;
  children: number;
  own: TapedRun[];
  seen: { run: TapedRun; upTo: number }[];
}

const lineOf = (role: string, ...rest: string[]) => [role, ...rest].join(' ');

/** What a model must be shown before the next message. */
export function shownBy({ seen }: Copy): string[] {
  return seen.flatMap(({ run, upTo }) => run.messages.filter(({ seq }) => seq <= upTo).map(({ line }) => line));
}

/** The seq of the last message up to `seq` at which no call lacks its result; 0 if there is none. */
export function cutAt({ messages }: TapedRun, seq: number): number {
  const visible = messages.filter((message) => message.seq <= seq);
  const hasAllResults = () => {
    const callIds = new Set(visible.map(({ resultOf }) => resultOf));
    return visible.every(({ requestedCalls }) => requestedCalls.every((callId) => callIds.has(callId)));
  };
  while (!hasAllResults()) visible.pop();
  return visible.at(-1)?.seq ?? 0;
}

export async function tapeOf(client: TestClient, id: string): Promise<TapedRun> {
  const { run } = await client.send(RunTapeDocument, { id, first: 100 });
  const messages = (run?.tape.nodes ?? []).flatMap(({ type, seq, payload }): Message[] => {
    if (type === 'INPUT') {
      const { text } = payload as PayloadOf<'input'>;
      return [{ seq, line: lineOf('user', text), requestedCalls: [], resultOf: null }];
    }
    if (type === 'OUTPUT') {
      const { text, toolCalls } = payload as PayloadOf<'output'>;
      return [{ seq, line: lineOf('assistant', text, ...toolCalls), requestedCalls: toolCalls, resultOf: null }];
    }
    if (type !== 'TOOL_RESULT') return [];
    const { callId } = payload as PayloadOf<'tool_result'>;
    return [{ seq, line: lineOf('tool', callId), requestedCalls: [], resultOf: callId }];
  });
  return { id, messages, head: run?.head ?? 0, tape: run };
}

/** The messages of a request, one line each, in the same form. */
export function linesOf({ messages }: ModelRequest): string[] {
  return messages.map((message) => {
    if (message.role === 'tool') return lineOf('tool', message.callId);
    const calls = message.role === 'assistant' ? message.calls.map(({ callId }) => callId) : [];
    return lineOf(message.role, message.text, ...calls);
  });
}
