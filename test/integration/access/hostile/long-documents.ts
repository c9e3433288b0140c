/** The longest that are read, each another one. Kept for the next time they would fill the memory of a server. */
export function longDocuments(turn: number): Record<string, string> {
  const many = (count: number, text: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => text(index)).join(' ');
  return {
    right: `{ nodes(ids: [${many(4000, (index) => `"${turn}-${index}"`)}]) { id } }`,
    wrong: `query (${many(1200, (index) => `$a${turn}_${index}: ID`)}) { viewer { principal } }`,
    comments: `{ viewer { principal } } #${turn}${'\n#'.repeat(100_000)}`,
    blank: `{ viewer { principal } } #${turn}${' '.repeat(1_000_000)}`,
  };
}
