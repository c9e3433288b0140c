import type { HistoryMessage } from '../history.ts';
import { BYTES_PER_TOKEN } from '../token-estimate.ts';

/** No message takes more than this part of what a summary is made of. */
const MESSAGE_SHARE = 0.25;
/** Of each message at least so much is read. */
const LEAST_CHARACTERS = 100;

/** What a summary is made of, as text: the summary before it, and a line for each message. */
export function transcriptText(
  messages: readonly HistoryMessage[],
  { previous, room }: { previous: string | null; room: number },
): string {
  const characters = room * BYTES_PER_TOKEN;
  const all = messages.reduce((sum, message) => sum + said(message).length, 0);
  const share = all > characters ? Math.min(MESSAGE_SHARE, 1 / Math.max(1, messages.length)) : MESSAGE_SHARE;
  const most = Math.max(LEAST_CHARACTERS, Math.floor(characters * share));
  const before = previous === null ? [] : ['Summary of what was before:', previous, ''];
  return [...before, 'Conversation:', ...messages.map((message) => shortened(said(message), most))].join('\n');
}

function said(message: HistoryMessage): string {
  const text = message.text.replace(/\s*\n\s*/g, ' ');
  switch (message.role) {
    case 'user':
      return `user: ${text}`;
    case 'tool':
      return `tool ${message.tool}${message.ok ? '' : ', failed'}: ${text}`;
    case 'assistant': {
      const calls = message.calls.map(({ tool, input }) => ` [asks ${tool} ${JSON.stringify(input)}]`);
      return `assistant: ${text}${calls.join('')}`;
    }
    default:
      return message satisfies never;
  }
}

function shortened(line: string, characters: number): string {
  return line.length <= characters ? line : `${line.slice(0, characters).toWellFormed()}…`;
}
