import { nextTurn } from '../../clock.ts';

/** Values with fewer characters are made into JSON at once, and longer ones in steps of so many. */
const STEP_CHARACTERS = 128 * 1024;
/** What a value that is no text counts as, and what each value and member name counts in addition. */
const VALUE_CHARACTERS = 8;

/** Whether making JSON of a value takes milliseconds. Looks at no more values than that takes. */
export function isLong(value: unknown): boolean {
  return isLonger(value, STEP_CHARACTERS);
}

/** Whether a value has more than about so many characters. Looks at no more values than it takes to know. */
export function isLonger(value: unknown, characters: number): boolean {
  return charactersLeft(value, characters) < 0;
}

/** What is left of a number of characters after a value. Negative if it is longer. */
function charactersLeft(value: unknown, characters: number): number {
  if (typeof value === 'string') return characters - VALUE_CHARACTERS - value.length;
  let left = characters - VALUE_CHARACTERS;
  if (typeof value !== 'object' || value === null) return left;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length && left >= 0; index += 1) left = charactersLeft(value[index], left);
    return left;
  }
  for (const name of Object.keys(value)) {
    if (left < 0) return left;
    left = charactersLeft(Reflect.get(value, name), left - name.length);
  }
  return left;
}

/**
 * Makes the JSON of a long value in UTF-8, as `JSON.stringify` does, and lets other work run after each step. The value consists of
 * what JSON has. Resolves with its parts, or with null if it is longer than `maxBytes`; no more than that is made then.
 */
export async function longJson(value: unknown, maxBytes: number): Promise<Buffer[] | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  let text = '';
  for (const piece of piecesOf(value)) {
    text += piece;
    if (text.length < STEP_CHARACTERS) continue;
    const part = Buffer.from(text);
    text = '';
    bytes += part.length;
    if (bytes > maxBytes) return null;
    parts.push(part);
    await nextTurn();
  }
  parts.push(Buffer.from(text));
  return bytes + text.length > maxBytes ? null : parts;
}

/** The length of all parts together. */
export const bytesOf = (parts: readonly Buffer[]) => parts.reduce((sum, part) => sum + part.length, 0);

function* piecesOf(value: unknown): Generator<string, void> {
  if (!isLong(value)) yield JSON.stringify(value);
  else if (typeof value === 'string') yield* piecesOfText(value);
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      yield index === 0 ? '[' : ',';
      yield* piecesOf(item);
    }
    yield ']';
  } else {
    let separator = '{';
    for (const [name, member] of Object.entries(Object(value))) {
      yield `${separator}${JSON.stringify(name)}:`;
      yield* piecesOf(member);
      separator = ',';
    }
    yield '}';
  }
}

function* piecesOfText(text: string): Generator<string, void> {
  yield '"';
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + STEP_CHARACTERS, text.length);
    // Half of a surrogate pair alone would be escaped.
    if (isHighSurrogate(text.charCodeAt(end - 1))) end += 1;
    yield JSON.stringify(text.slice(start, end)).slice(1, -1);
    start = end;
  }
  yield '"';
}

const isHighSurrogate = (code: number) => code >= 0xd800 && code <= 0xdbff;
