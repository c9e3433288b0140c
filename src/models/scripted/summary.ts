import { shorten } from '../shorten.ts';

const CHARACTERS_PER_WORD = 5;
/** A summary is at most this share of its transcript. */
const MAX_SHARE = 0.5;
const LINE_CHARACTERS = 120;

/** A line worth keeping. */
const factPattern = /\b(fact|remember|my name is|important|promise|decided|password|number is)\b/i;
const messagePattern = /^(user|assistant|tool [^:]*): (.*)$/;

/**
 * The scripted model's summary of a transcript. Keeps the facts of an earlier summary, then lines that look like facts,
 * oldest first, then the newest user messages, as far as the limits allow.
 */
export function scriptedSummary(transcript: string, maxWords: number): string {
  const room = Math.min(maxWords * CHARACTERS_PER_WORD, Math.floor(transcript.length * MAX_SHARE));
  const lines = transcript.split('\n');
  const earlierFacts = lines.filter((line) => line.startsWith('- ') && factPattern.test(line));
  const messages = lines.flatMap((line) => {
    const [, speaker, text = ''] = messagePattern.exec(line) ?? [];
    return speaker === undefined ? [] : [`- ${speaker}: ${shorten(text, LINE_CHARACTERS)}`];
  });
  const facts = new Set([...earlierFacts, ...messages.filter((line) => factPattern.test(line))]);
  const chosen = firstThatFit([...facts], room);
  const remaining = room - lengthOf(chosen);
  const others = messages.filter((line) => line.startsWith('- user:') && !factPattern.test(line));
  return [...chosen, ...firstThatFit(others.toReversed(), remaining).toReversed()].join('\n');
}

function firstThatFit(lines: readonly string[], room: number): string[] {
  const chosen: string[] = [];
  let left = room;
  for (const line of lines) {
    left -= line.length + 1;
    if (left < 0) break;
    chosen.push(line);
  }
  return chosen;
}

const lengthOf = (lines: readonly string[]) => lines.reduce((sum, line) => sum + line.length + 1, 0);
