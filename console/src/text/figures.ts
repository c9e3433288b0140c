const whole = new Intl.NumberFormat('en-US');

export const count = (value: number) => whole.format(value);

/** In the catalogue's currency, with the digits that say something. */
export function cost(value: number | null): string {
  if (value === null) return '–';
  if (value === 0 || value >= 1) return value.toFixed(2);
  return value.toFixed(Math.min(12, 1 - Math.floor(Math.log10(value))));
}

/** "1,204 tokens", with a mark where the figure was estimated. */
export function tokens({ totalTokens, estimated }: { totalTokens: number; estimated: boolean }): string {
  return `${estimated ? '≈ ' : ''}${count(totalTokens)} tokens`;
}

/** The beginning and the end of an id: enough to tell two apart. */
export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 4)}…${id.slice(-6)}`;
}

export const json = (value: unknown) => (value === undefined ? '' : JSON.stringify(value, null, 2));
