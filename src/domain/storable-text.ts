/** Replaces NUL characters and lone surrogates, which Postgres cannot store, with U+FFFD. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** The first `units` UTF-16 units, without an unpaired surrogate at the cut. */
export function firstCharacters(text: string, units: number): string {
  const beginning = text.slice(0, units);
  return text.length > units ? beginning.replace(/[\ud800-\udbff]$/, '') : beginning;
}

/** The longest beginning of a text that has at most this many bytes in UTF-8. */
export function beginningOf(text: string | Uint8Array, bytes: number): string {
  // A decoder that expects more input leaves out a character whose bytes are incomplete.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return decoder.decode(Buffer.from(text).subarray(0, bytes), { stream: true });
}
