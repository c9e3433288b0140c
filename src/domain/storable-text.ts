/** Replaces NUL characters and lone surrogates, which Postgres cannot store, with U+FFFD. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** The longest beginning of a text that has at most this many bytes in UTF-8. */
export function beginningOf(text: string | Uint8Array, bytes: number): string {
  // A decoder that expects more input leaves out a character whose bytes are incomplete.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return decoder.decode(Buffer.from(text).subarray(0, bytes), { stream: true });
}
