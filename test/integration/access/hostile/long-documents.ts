/** The longest documents within the limits, different for each seed: a cache of them without a bound would exhaust the memory. */
export function longestDocuments(seed: number): Record<string, string> {
  const many = (count: number, text: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => text(index)).join(' ');
  return {
    valid: `{ nodes(ids: [${many(4000, (index) => `"${seed}-${index}"`)}]) { id } }`,
    invalid: `query (${many(1200, (index) => `$a${seed}_${index}: ID`)}) { viewer { principal } }`,
    comments: `{ viewer { principal } } #${seed}${'\n#'.repeat(100_000)}`,
    whitespace: `{ viewer { principal } } #${seed}${' '.repeat(1_000_000)}`,
  };
}
