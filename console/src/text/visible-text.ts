/**
 * Characters that nobody sees or that change the order of others: controls, formats, fillers, private use, lone surrogates, and
 * what Unicode calls ignorable, such as variation selectors.
 */
const invisible =
  /[⟦\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|\p{Default_Ignorable_Code_Point}/gu;

/** Within these, the characters belong to the text: emoji, and scripts in which joiners change letters. */
const joined =
  /(?<=\p{Extended_Pictographic}[\ufe0f\p{EMod}]?)(?:\u200d(?=\p{Extended_Pictographic})|\ufe0f)|(?<=[\p{sc=Arab}\p{sc=Deva}\p{sc=Beng}\p{sc=Taml}\p{sc=Telu}\p{sc=Knda}\p{sc=Mlym}\p{sc=Sinh}][\p{M}]*)[\u200c\u200d](?=[\p{sc=Arab}\p{sc=Deva}\p{sc=Beng}\p{sc=Taml}\p{sc=Telu}\p{sc=Knda}\p{sc=Mlym}\p{sc=Sinh}])/gu;

const codeOf = (character: string) => (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');

const escapeOf = (character: string) => `⟦U+${codeOf(character)}⟧`;

/**
 * Text of a model, tool or user with every invisible or reordering character written out, so that what a person reads is what is
 * there. Brackets of that form that stand in the text are written out as well.
 */
export function visibleText(text: string): string {
  const lines = text.replaceAll('\r\n', '\n');
  const kept = new Set([...lines.matchAll(joined)].map(({ index }) => index));
  return lines.replace(invisible, (character, offset: number) =>
    character === '\n' || character === '\t' || kept.has(offset) ? character : escapeOf(character),
  );
}

const word = /[\p{L}\p{M}\p{N}_-]+/gu;
const lookalike =
  /[\p{sc=Cyrl}\p{sc=Grek}\p{sc=Armn}\p{sc=Cher}\p{sc=Geor}\p{sc=Hebr}]|[\uff01-\uff5e]|[\u{1d400}-\u{1d7ff}]/gu;

/** For what decides: also writes out letters of other scripts in words that have Latin letters, such as a Cyrillic "а" in "pаypal". */
export function strictText(text: string): string {
  return visibleText(text).replace(word, (letters) =>
    /\p{sc=Latn}/u.test(letters) || /[\uff01-\uff5e]|[\u{1d400}-\u{1d7ff}]/u.test(letters)
      ? letters.replace(lookalike, escapeOf)
      : letters,
  );
}

/** Both ends of a text: what is left out is in the middle, and says how much it is. */
export function bothEnds(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const head = Math.ceil(characters * 0.6);
  const tail = characters - head;
  return `${text.slice(0, head)} … ${text.length - characters} characters … ${text.slice(-tail)}`;
}
