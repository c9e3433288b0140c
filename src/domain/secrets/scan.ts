/** A secret in a text. */
export interface Finding {
  kind: string;
  start: number;
  end: number;
}

/**
 * Finds secrets in two stages that together take linear time: a search for short anchors, and an examination of the text at
 * each of them.
 */
export interface Detector {
  /** Global. Each match has at most ANCHOR_CHARACTERS characters. Scans that run in turns may share it. */
  anchor: RegExp;
  /**
   * The secret that belongs to an anchor, or null, or the position up to which there is none. It may look at the whole text.
   * The search continues at the end of the secret or at that position; after a null, which must have a bounded cost, at the
   * end of the anchor.
   */
  examine(text: string, index: number, anchor: string): Finding | number | null;
}

/** Characters that are searched at a time. */
export const SLICE_CHARACTERS = 64 * 1024;
const ANCHOR_CHARACTERS = 100;

/**
 * The secrets of a text, in order and without overlap. Yields after each slice. Slices overlap by the length of an anchor and
 * secrets are examined in the whole text, so no secret is hidden by the end of a slice.
 */
export function* scan(text: string, { anchor, examine }: Detector): Generator<void, Finding[]> {
  const findings: Finding[] = [];
  let from = 0;
  for (let start = 0; start < text.length; start += SLICE_CHARACTERS) {
    if (start > 0) yield;
    const sliceEnd = start + SLICE_CHARACTERS;
    from = Math.max(from, start);
    // One slice is searched in the text itself.
    const slice = text.length <= SLICE_CHARACTERS ? text : text.slice(start, sliceEnd + ANCHOR_CHARACTERS);
    anchor.lastIndex = from - start;
    for (let match = anchor.exec(slice); match !== null; match = anchor.exec(slice)) {
      const index = start + match.index;
      // The next slice finds it again, with what follows.
      if (index >= sliceEnd) break;
      const examined = examine(text, index, match[0]);
      const hasFinding = typeof examined === 'object' && examined !== null;
      from = Math.max(index + match[0].length, hasFinding ? examined.end : (examined ?? 0));
      if (hasFinding) findings.push(examined);
      if (from >= sliceEnd) break;
      anchor.lastIndex = from - start;
    }
  }
  return findings;
}

/** Whether a word starts here. The letters of an escape such as `\n` or `%3D` before it do not belong to the word. */
export function startsWord(text: string, index: number): boolean {
  if (index === 0 || !isWordCharacter(text.charCodeAt(index))) return true;
  if (!isWordCharacter(text.charCodeAt(index - 1))) return true;
  return /(?:\\[nrt]|%[0-9A-Fa-f]{2})$/.test(text.slice(Math.max(0, index - 3), index));
}

function isWordCharacter(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x61 && code <= 0x7a)
  );
}
