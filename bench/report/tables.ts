import { type Claim, median, type RowResult, type Series, shown } from '../measure/result.ts';
import type { Report } from './report.ts';

type Cells = string[];

const line = (cells: Cells) => `| ${cells.join(' | ')} |`;

/** Markdown, its columns set under each other. */
function table(head: Cells, body: Cells[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((cells) => (cells[column] ?? '').length)));
  const padded = (cells: Cells) => line(cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  return [padded(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(padded)].join('\n');
}

function verdict({ met, stretch, stretchMet }: Claim): string {
  if (!met) return 'no';
  return stretch !== '' && stretchMet ? 'yes, stretch too' : 'yes';
}

/** What is asked for, and what was measured. */
export function claimsTable(rows: readonly RowResult[]): string {
  const claims = rows.flatMap((row) => row.claims);
  const body = claims.map((claim) => [claim.what, claim.asked, claim.stretch, claim.measured, verdict(claim)]);
  return table(['', 'asked for', 'stretch', 'measured', 'met'], body);
}

const figures = ({ who, what, unit, values }: Series): Cells => [
  who,
  what,
  `${shown(median(values))} ${unit}`,
  `${shown(Math.min(...values))} – ${shown(Math.max(...values))}`,
];

export function seriesTable({ series }: RowResult): string {
  return table(['', '', 'median', 'spread'], series.map(figures));
}

function remarks({ errors, notes }: RowResult): string {
  const lines = errors > 0 ? [`${errors} errors`, ...notes] : notes;
  return lines.map((text) => `\n- ${text}`).join('');
}

/** Everything of one row. */
export function rowText(row: RowResult): string {
  return `### ${row.row}\n\n${seriesTable(row)}\n${remarks(row)}`;
}

/** What was asked for, what was measured, and on what. */
export function summary({ measuredAt, rounds, seconds, versions, rows }: Report): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const errors = rows.reduce((sum, row) => sum + row.errors, 0);
  const method = `${rounds} rounds in turn, ${seconds} s a measurement, ${errors} errors`;
  return `${claimsTable(rows)}\n\nMeasured ${measuredAt.slice(0, 10)}, ${method}. ${named.join(', ')}.`;
}

/** A whole report in Markdown. */
export function reportText(report: Report): string {
  return [summary(report), ...report.rows.map(rowText)].join('\n\n');
}
