/**
 * Characters that show nothing, change the direction of others, or look like an ordinary space: controls, formats, line
 * separators, private and unassigned code points, and everything that a font may ignore.
 */
const invisible = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;

/** Characters of these scripts look alike. Scripts that are ordinarily written together are one entry. */
const scripts = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Arabic}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
  /\p{Script=Georgian}/u,
  /\p{Script=Lisu}/u,
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Bopomofo}|\p{Script=Hangul}/u,
];

/** Letters, the marks on them, and digits, without anything that separates words. */
const words = /[\p{L}\p{M}\p{N}]+/gu;

/**
 * Escapes what could make one text look like another: invisible and bidirectional characters, and the other letters of a word
 * that mixes scripts, such as a Latin word with a Cyrillic `а`.
 */
export function escapeDeceptive(text: string): string {
  return text
    .replace(words, (word) => (isMixed(word) ? word.replace(/\P{ASCII}/gu, escapeCharacter) : word))
    .replace(invisible, escapeCharacter);
}

/** Characters that belong to every script, such as digits, decide nothing. All other scripts count as one. */
function isMixed(word: string): boolean {
  const characters = [...word].filter((character) => !/[\p{Script=Common}\p{Script=Inherited}]/u.test(character));
  return new Set(characters.map((character) => scripts.findIndex((script) => script.test(character)))).size > 1;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `\\u{${code.toString(16)}}`;
}
