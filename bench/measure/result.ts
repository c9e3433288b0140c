/** The values of one metric of one subject, one for each round. */
export interface Series {
  subject: string;
  metric: string;
  unit: string;
  values: number[];
}

/** A performance goal and the measured result, as text. */
export interface Goal {
  name: string;
  required: string;
  stretch: string;
  measured: string;
  met: boolean;
  stretchMet: boolean;
}

export interface RowResult {
  row: string;
  series: Series[];
  goals: Goal[];
  /** Responses that failed or were incomplete. */
  errors: number;
  /** What a reader has to know to judge the values. */
  notes: string[];
}

/** NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

export function medianOf(series: readonly Series[], subject: string, metric: string): number {
  return median(series.find((one) => one.subject === subject && one.metric === metric)?.values ?? []);
}

/** Formats 1234.5 as 1,235, and 1.2345 as 1.23. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A ratio with its two values: `5.2 × (610 : 117 runs/s)`. */
export function formatRatio(value: number, reference: number, unit: string): string {
  return `${formatNumber(value / reference)} × (${formatNumber(value)} : ${formatNumber(reference)} ${unit})`;
}
