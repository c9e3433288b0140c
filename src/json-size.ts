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

/** Measures a JSON text that arrives in parts, in one pass, without parsing it. For a text that is not valid JSON the numbers mean nothing. */
export class JsonMeter implements JsonSize {
  levels = 0;
  values = 0;
  members = 0;
  /** Members of the objects of the first `outerLevels` levels; of all objects if the text is an array. */
  outerMembers = 0;
  /** Separators between the items of the text if it is an array. */
  separators = 0;
  readonly #outerLevels: number;
  #isArray = false;
  #level = 0;
  #isInString = false;
  /** Whether the next byte belongs to an escape. */
  #isEscaped = false;

  constructor(outerLevels = 0) {
    this.#outerLevels = outerLevels;
  }

  add(bytes: Uint8Array, start = 0, end = bytes.length): void {
    let index = start;
    while (index < end) {
      if (this.#isInString) index = this.#skipString(bytes, index, end);
      else {
        this.#count(bytes[index]);
        index += 1;
      }
    }
  }

  reset(): void {
    this.levels = 0;
    this.values = 0;
    this.members = 0;
    this.outerMembers = 0;
    this.separators = 0;
    this.#level = 0;
    this.#isArray = false;
    this.#isInString = false;
    this.#isEscaped = false;
  }

  #count(byte: number | undefined): void {
    switch (byte) {
      case QUOTE:
        this.#isInString = true;
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        if (this.levels === 0) this.#isArray = byte === OPEN_BRACKET;
        this.values += 1;
        this.#level += 1;
        if (this.#level > this.levels) this.levels = this.#level;
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        this.#level -= 1;
        break;
      case COMMA:
        this.values += 1;
        if (this.#isArray && this.#level === 1) this.separators += 1;
        break;
      case COLON:
        // Outside of an object it belongs to what surrounds the text, such as the name of a field of an event stream.
        if (this.#level === 0) break;
        this.members += 1;
        if (this.#isArray || this.#level <= this.#outerLevels) this.outerMembers += 1;
        break;
      default:
    }
  }

  /** Returns the index after the closing quote, or `end` if it is not among the bytes. */
  #skipString(bytes: Uint8Array, start: number, end: number): number {
    let index = start;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      index += 1;
    }
    while (index < end) {
      const byte = bytes[index];
      if (byte === QUOTE) {
        this.#isInString = false;
        return index + 1;
      }
      index += byte === BACKSLASH ? 2 : 1;
    }
    this.#isEscaped = index > end;
    return end;
  }
}

export function measureJson(bytes: Uint8Array): JsonSize {
  const meter = new JsonMeter();
  meter.add(bytes);
  const { levels, values, members } = meter;
  return { levels, values, members };
}
