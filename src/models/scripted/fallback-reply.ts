import type { ToolDescription } from '../model.ts';
import type { ScriptedConversation, ToolMessage } from './conversation.ts';
import { calling, type ScriptStep, saying } from './script.ts';

const QUOTE_CHARACTERS = 80;
const RESULT_CHARACTERS = 300;

/** A phrase that makes the model ask for a tool. */
interface Phrase {
  tool: string;
  /** What a newcomer is told to try. */
  example: string;
  pattern: RegExp;
  input(subject: string): Record<string, string>;
}

const phrases: readonly Phrase[] = [
  {
    tool: 'http_fetch',
    example: '"fetch https://example.com", which asks for your approval first',
    pattern: /\bfetch\s+(https?:\/\/\S+)/i,
    input: (subject) => ({ url: subject.replace(/[.,;:!?)"'>]+$/, '') }),
  },
  { tool: 'clock', example: '"what time is it"', pattern: /\bwhat time\b/i, input: () => ({}) },
  {
    tool: 'memory_search',
    example: '"recall green tea"',
    pattern: /\b(?:recall|what do you remember about)\s+(.+)/i,
    input: (subject) => ({ query: subject.trim().replace(/[.!?]+$/, '') }),
  },
  {
    tool: 'memory_save',
    example: '"remember that I like green tea"',
    pattern: /\bremember that\s+(.+)/is,
    input: (subject) => ({ text: subject.trim() }),
  },
];

/** What the scripted model does with a message that is no script. */
export function fallbackReply(scene: ScriptedConversation, tools: readonly ToolDescription[]): ScriptStep {
  if (scene.answers > 0) return saying(reportResults(scene.latest));
  const known = phrases.filter(({ tool }) => tools.some(({ name }) => name === tool));
  for (const { tool, pattern, input } of known) {
    const match = pattern.exec(scene.said);
    if (match) return calling(tool, input(match[1] ?? ''));
  }
  return saying(greeting(scene, known));
}

/** One line a result, as a model would sum them up. */
export function reportResults(results: readonly ToolMessage[]): string {
  if (results.length === 0) return 'That was all.';
  return results
    .map(({ tool, ok, text }) => `${tool} ${ok ? 'answered' : 'failed'}: ${shortened(text, RESULT_CHARACTERS)}`)
    .join('\n');
}

function greeting({ said, earlier }: ScriptedConversation, known: readonly Phrase[]): string {
  const shown = earlier === 1 ? '1 earlier message' : `${earlier} earlier messages`;
  const examples = known.map(({ example }) => example).join(', ');
  const invitation = examples === '' ? '' : ` Try ${examples}.`;
  return (
    `You said: "${shortened(said, QUOTE_CHARACTERS)}". ` +
    `I am the scripted model: I work offline, and I was shown ${shown} of yours.${invitation}` +
    ' Send /help to see my script language.'
  );
}

function shortened(text: string, characters: number): string {
  const line = text
    .slice(0, characters * 4)
    .replace(/\s+/g, ' ')
    .trim();
  if (line.length <= characters && text.length <= characters * 4) return line;
  return `${line.slice(0, characters).toWellFormed().trimEnd()}…`;
}
