/** Replaces NUL characters and lone surrogates, which Postgres cannot store, with U+FFFD. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}
