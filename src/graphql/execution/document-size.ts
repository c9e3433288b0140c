/** The size of the text of a document, as far as parsing it and locating its errors takes time and stack. */
export interface DocumentSize {
  lines: number;
  /** Nested braces, brackets and parentheses. */
  brackets: number;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const QUOTE = 34;
const HASH = 35;
const OPEN_PARENTHESIS = 40;
const CLOSE_PARENTHESIS = 41;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** Measures a document in one pass, without parsing it. Brackets in strings and comments do not count. */
export function measureDocument(text: string): DocumentSize {
  let brackets = 0;
  let level = 0;
  for (let index = 0; index < text.length; index += 1) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = endOfString(text, index);
        break;
      case HASH:
        index = endOfLine(text, index);
        break;
      case OPEN_PARENTHESIS:
      case OPEN_BRACKET:
      case OPEN_BRACE:
        level += 1;
        if (level > brackets) brackets = level;
        break;
      case CLOSE_PARENTHESIS:
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        level -= 1;
        break;
      default:
    }
  }
  return { lines: linesIn(text), brackets };
}

/** The index of the last quote of the string that starts at an index, or of the line break that cuts it off. */
function endOfString(text: string, start: number): number {
  if (text.startsWith('"""', start)) return endOfBlockString(text, start + 3);
  let index = start + 1;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code === QUOTE || isLineBreak(code)) return index;
    index += code === BACKSLASH ? 2 : 1;
  }
  return index;
}

function endOfBlockString(text: string, start: number): number {
  let end = text.indexOf('"""', start);
  while (end > start && text.charCodeAt(end - 1) === BACKSLASH) end = text.indexOf('"""', end + 3);
  return end < 0 ? text.length : end + 2;
}

function endOfLine(text: string, start: number): number {
  let index = start;
  while (index < text.length && !isLineBreak(text.charCodeAt(index))) index += 1;
  return index;
}

/** As graphql-js counts them: also in strings, and a carriage return with a line feed once. */
function linesIn(text: string): number {
  let lines = 1;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === LINE_FEED || (code === CARRIAGE_RETURN && text.charCodeAt(index + 1) !== LINE_FEED)) lines += 1;
  }
  return lines;
}

const isLineBreak = (code: number) => code === LINE_FEED || code === CARRIAGE_RETURN;
