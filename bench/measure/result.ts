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

/** A goal for the ratio of Runtape's median to that of another system. */
export interface RatioGoal {
  name: string;
  metric: string;
  unit: string;
  /** Name of the subject that is Runtape. */
  subject?: string;
  peer: string;
  bound: 'at least' | 'at most';
  required: number;
  stretch?: number;
}

export function ratioGoal(series: readonly Series[], goal: RatioGoal): Goal {
  const { name, metric, unit, subject = 'Runtape', peer, bound, required, stretch } = goal;
  const [ours, theirs] = [medianOf(series, subject, metric), medianOf(series, peer, metric)];
  const isMet = (ratio: number) => (bound === 'at least' ? ours >= ratio * theirs : ours <= ratio * theirs);
  const text = (ratio: number) => `${bound === 'at least' ? '≥' : '≤'} ${ratio} ×`;
  return {
    name,
    required: text(required),
    stretch: stretch === undefined ? '' : text(stretch),
    measured: formatRatio(ours, theirs, unit),
    met: isMet(required),
    stretchMet: isMet(stretch ?? required),
  };
}

/** A goal for a value that should be low. */
export function limitGoal(name: string, measured: number, unit: string, required: number, stretch: number): Goal {
  return {
    name,
    required: `≤ ${required} ${unit}`,
    stretch: `${stretch} ${unit}`,
    measured: `${formatNumber(measured)} ${unit}`,
    met: measured <= required,
    stretchMet: measured <= stretch,
  };
}

/** The value below which a share of the values lies; NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
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
