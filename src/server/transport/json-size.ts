/** The size of a JSON text, as far as parsing and coercing it takes time. */
export interface JsonSize {
  /** Nested arrays and objects. */
  levels: number;
  /** Upper bound for the arrays, objects and their items. */
  values: number;
  /** Members of all objects together. */
  members: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Measures a JSON text in one pass, without parsing it. For a text that is not valid JSON the numbers mean nothing. */
export function measureJson(bytes: Uint8Array): JsonSize {
  let levels = 0;
  let level = 0;
  let values = 0;
  let members = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    switch (bytes[index]) {
      case QUOTE:
        index = endOfString(bytes, index + 1);
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        values += 1;
        level += 1;
        if (level > levels) levels = level;
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        level -= 1;
        break;
      case COMMA:
        values += 1;
        break;
      case COLON:
        members += 1;
        break;
      default:
    }
  }
  return { levels, values, members };
}

/** The index of the closing quote, or the length if there is none. */
function endOfString(bytes: Uint8Array, start: number): number {
  let index = start;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
}
