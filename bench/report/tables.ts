import { formatNumber, type Goal, median, type RowResult, type Series } from '../measure/result.ts';
import type { Report } from './report.ts';

type Cells = string[];

const line = (cells: Cells) => `| ${cells.join(' | ')} |`;

/** A Markdown table with aligned columns. */
function table(head: Cells, body: Cells[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((cells) => (cells[column] ?? '').length)));
  const padded = (cells: Cells) => line(cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  return [padded(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(padded)].join('\n');
}

function verdict({ met, stretch, stretchMet }: Goal): string {
  if (!met) return 'no';
  return stretch !== '' && stretchMet ? 'yes, stretch too' : 'yes';
}

/** The goals of all rows and the measured results. */
function goalsTable(rows: readonly RowResult[]): string {
  const goals = rows.flatMap((row) => row.goals);
  const body = goals.map((goal) => [goal.name, goal.required, goal.stretch, goal.measured, verdict(goal)]);
  return table(['', 'required', 'stretch', 'measured', 'met'], body);
}

const cellsOf = ({ subject, metric, unit, values }: Series): Cells => [
  subject,
  metric,
  `${formatNumber(median(values))} ${unit}`,
  `${formatNumber(Math.min(...values))} – ${formatNumber(Math.max(...values))}`,
];

function seriesTable({ series }: RowResult): string {
  return table(['', '', 'median', 'range'], series.map(cellsOf));
}

function notesList({ errors, notes }: RowResult): string {
  const lines = errors > 0 ? [`${errors} errors`, ...notes] : notes;
  return lines.map((text) => `\n- ${text}`).join('');
}

/** All series and notes of one row in Markdown. */
export function rowText(row: RowResult): string {
  return `### ${row.row}\n\n${seriesTable(row)}\n${notesList(row)}`;
}

/** The goals, the results, and the versions that were measured. */
export function summary({ measuredAt, rounds, seconds, versions, rows }: Report): string {
  const versionTexts = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const errors = rows.reduce((sum, row) => sum + row.errors, 0);
  const method = `${rounds} rounds, ${seconds} s per measurement, ${errors} errors`;
  return `${goalsTable(rows)}\n\nMeasured ${measuredAt.slice(0, 10)}, ${method}. ${versionTexts.join(', ')}.`;
}

/** A whole report in Markdown. */
export function reportText(report: Report): string {
  return [summary(report), ...report.rows.map(rowText)].join('\n\n');
}
