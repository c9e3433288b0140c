/** Shorter header values are words like `true`, which need no hiding. */
const SECRET_CHARACTERS = 8;

/** Texts that no message may hold. */
export function secretsOf(...groups: readonly (readonly (string | null | undefined)[])[]): string[] {
  return groups.flat().filter((text): text is string => typeof text === 'string' && text !== '');
}

/** Of headers, what may be a key. */
export function secretHeaders(headers: Readonly<Record<string, string>>): string[] {
  return Object.values(headers).filter((value) => value.length >= SECRET_CHARACTERS);
}
