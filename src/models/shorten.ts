/** The text, or its beginning and an ellipsis if it is longer than the number of characters. */
export function shorten(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters).toWellFormed().trimEnd()}…`;
}
