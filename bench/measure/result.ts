/** What one contestant did, once for each round. */
export interface Series {
  who: string;
  what: string;
  unit: string;
  values: number[];
}

/** One line of what is asked for, and what was measured. */
export interface Claim {
  what: string;
  asked: string;
  stretch: string;
  measured: string;
  met: boolean;
  stretchMet: boolean;
}

export interface RowResult {
  row: string;
  series: Series[];
  claims: Claim[];
  /** Answers that failed or were not whole. */
  errors: number;
  /** What a reader must know to believe the figures. */
  notes: string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

export function medianOf(series: readonly Series[], who: string, what: string): number {
  return median(series.find((one) => one.who === who && one.what === what)?.values ?? []);
}

/** 1234.5 as 1,235, and 1.2345 as 1.23. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A measured ratio and where it comes from: `5.2 × (610 : 117 runs/s)`. */
export function ratioText(ours: number, theirs: number, unit: string): string {
  return `${shown(ours / theirs)} × (${shown(ours)} : ${shown(theirs)} ${unit})`;
}
