/** What is kept of the words of a refusal. */
const REFUSAL_CHARACTERS = 1000;

/** Longest label that is kept: labels go onto the tape. */
const LABEL_CHARACTERS = 200;

/** Adds a piece to the words of a refusal, as far as they are kept. */
export function addRefusal(words: string, piece: unknown): string {
  return typeof piece === 'string' ? (words + piece).slice(0, REFUSAL_CHARACTERS) : words;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A number of tokens; null if the value is not one. */
export function tokenCount(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** A finish reason or a response id, shortened. */
export function labelOf(text: string): string {
  return text.slice(0, LABEL_CHARACTERS).toWellFormed();
}
