import type { ToolDescription } from '../model.ts';
import { shorten } from '../shorten.ts';
import type { ScriptedConversation, ToolMessage } from './conversation.ts';
import { callTool, type ScriptStep, sayText } from './script.ts';

const QUOTE_CHARACTERS = 80;
const RESULT_CHARACTERS = 300;

/** A phrase that makes the model call a tool. */
interface Phrase {
  tool: string;
  /** What the greeting suggests. */
  example: string;
  pattern: RegExp;
  /** The tool's input for what the pattern captured. */
  input(captured: string): Record<string, string>;
}

const phrases: readonly Phrase[] = [
  {
    tool: 'http_fetch',
    example: '"fetch https://example.com", which asks for your approval first',
    pattern: /\bfetch\s+(https?:\/\/\S+)/i,
    input: (url) => ({ url: url.replace(/[.,;:!?)"'>]+$/, '') }),
  },
  { tool: 'clock', example: '"what time is it"', pattern: /\bwhat time\b/i, input: () => ({}) },
  {
    tool: 'memory_search',
    example: '"recall green tea"',
    pattern: /\b(?:recall|what do you remember about)\s+(.+)/i,
    input: (query) => ({ query: query.trim().replace(/[.!?]+$/, '') }),
  },
  {
    tool: 'memory_save',
    example: '"remember that I like green tea"',
    pattern: /\bremember that\s+(.+)/is,
    input: (text) => ({ text: text.trim() }),
  },
];

/** The reply to a message that is not a script: a tool call for a known phrase, otherwise a greeting. */
export function fallbackReply(conversation: ScriptedConversation, tools: readonly ToolDescription[]): ScriptStep {
  if (conversation.responses > 0) return sayText(reportResults(conversation.latestResults));
  const usable = phrases.filter(({ tool }) => tools.some(({ name }) => name === tool));
  for (const { tool, pattern, input } of usable) {
    const match = pattern.exec(conversation.userMessage);
    if (match) return callTool(tool, input(match[1] ?? ''));
  }
  return sayText(greeting(conversation, usable));
}

/** One line per result. */
export function reportResults(results: readonly ToolMessage[]): string {
  if (results.length === 0) return 'That was all.';
  return results
    .map(({ tool, ok, text }) => `${tool} ${ok ? 'answered' : 'failed'}: ${shortLine(text, RESULT_CHARACTERS)}`)
    .join('\n');
}

function greeting({ userMessage, earlierUserMessages }: ScriptedConversation, usable: readonly Phrase[]): string {
  const earlier = earlierUserMessages === 1 ? '1 earlier message' : `${earlierUserMessages} earlier messages`;
  const examples = usable.map(({ example }) => example).join(', ');
  const suggestion = examples === '' ? '' : ` Try ${examples}.`;
  return (
    `You said: "${shortLine(userMessage, QUOTE_CHARACTERS)}". ` +
    `I am the scripted model: I work offline, and I was shown ${earlier} of yours.${suggestion}` +
    ' Send /help to see my script language.'
  );
}

/** The text on one line, shortened. */
function shortLine(text: string, characters: number): string {
  // A long text is cut before its white space is collapsed, to bound the work.
  const isCut = text.length > characters * 4;
  const line = text
    .slice(0, characters * 4)
    .replace(/\s+/g, ' ')
    .trim();
  return isCut && line.length <= characters ? `${line.toWellFormed()}…` : shorten(line, characters);
}
