/** Characters that a word of a summary stands for. */
const CHARACTERS_PER_WORD = 5;
/** A summary is at most this part of what it is made of. */
const SHARE = 0.5;
const LINE_CHARACTERS = 120;

/** A sentence that somebody would miss. */
const fact = /\b(fact|remember|my name is|important|promise|decided|password|number is)\b/i;
const spoken = /^(user|assistant|tool [^:]*): (.*)$/;

/**
 * What the scripted model makes of a conversation: lines that sound like facts, the oldest first, and then what was said
 * last, as far as there is room. Lines of an earlier summary are kept before anything else.
 */
export function scriptedSummary(material: string, words: number): string {
  const room = Math.min(words * CHARACTERS_PER_WORD, Math.floor(material.length * SHARE));
  const lines = material.split('\n');
  const kept = lines.filter((line) => line.startsWith('- ') && fact.test(line));
  const said = lines.flatMap((line) => {
    const [, who, text = ''] = spoken.exec(line) ?? [];
    return who === undefined ? [] : [`- ${who}: ${shortened(text)}`];
  });
  const facts = [...new Set([...kept, ...said.filter((line) => fact.test(line))])];
  const chosen = fitting(facts, room);
  const left = room - lengthOf(chosen);
  const others = said.filter((line) => line.startsWith('- user:') && !fact.test(line));
  return [...chosen, ...fitting(others.toReversed(), left).toReversed()].join('\n');
}

function fitting(lines: readonly string[], room: number): string[] {
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

function shortened(text: string): string {
  return text.length <= LINE_CHARACTERS ? text : `${text.slice(0, LINE_CHARACTERS).toWellFormed().trimEnd()}…`;
}
