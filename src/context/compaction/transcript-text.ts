import { shorten } from '../../models/shorten.ts';
import type { HistoryMessage } from '../history.ts';
import { BYTES_PER_TOKEN } from '../token-estimate.ts';

/** No message takes more than this share of the text. */
const MAX_MESSAGE_SHARE = 0.25;
/** Every message gets at least this many characters. */
const MIN_MESSAGE_CHARACTERS = 100;

/** The text that is summarised: the previous summary, followed by one line per message. */
export function transcriptText(
  messages: readonly HistoryMessage[],
  { previousSummary, room }: { previousSummary: string | null; room: number },
): string {
  const lines = messages.map(lineOf);
  const available = room * BYTES_PER_TOKEN;
  const needed = lines.reduce((sum, line) => sum + line.length, 0);
  const share = needed > available ? Math.min(MAX_MESSAGE_SHARE, 1 / Math.max(1, lines.length)) : MAX_MESSAGE_SHARE;
  const maxCharacters = Math.max(MIN_MESSAGE_CHARACTERS, Math.floor(available * share));
  const previous = previousSummary === null ? [] : ['Summary of the earlier conversation:', previousSummary, ''];
  return [...previous, 'Conversation:', ...lines.map((line) => shorten(line, maxCharacters))].join('\n');
}

function attachmentsOf({ attachments = [] }: Extract<HistoryMessage, { role: 'user' }>): string {
  return attachments.map(({ name, mediaType }) => ` [attached ${JSON.stringify(name)}, ${mediaType}]`).join('');
}

function lineOf(message: HistoryMessage): string {
  const text = message.text.replace(/\s*\n\s*/g, ' ');
  switch (message.role) {
    case 'user':
      return `user: ${text}${attachmentsOf(message)}`;
    case 'tool':
      return `tool ${message.tool}${message.ok ? '' : ', failed'}: ${text}`;
    case 'assistant': {
      const calls = message.calls.map(({ tool, input }) => ` [calls ${tool} ${JSON.stringify(input)}]`);
      return `assistant: ${text}${calls.join('')}`;
    }
    default:
      return message satisfies never;
  }
}
