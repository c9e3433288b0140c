import type { Row } from './row.ts';
import { addedPerTokenRow } from './runs/added-per-token.ts';
import { approvalRow } from './runs/approval.ts';
import { cpuPerTokenRow } from './runs/cpu-per-token.ts';
import { firstEventRow } from './runs/first-event.ts';
import { shortRunsRow } from './runs/short-runs.ts';
import { fanoutRow } from './serving/fanout.ts';
import { tapePagesRow } from './serving/tape-pages.ts';
import { trivialQueryRow } from './serving/trivial-query.ts';
import { appendRow } from './store/append.ts';
import { postgresAppendRow } from './store/postgres-append.ts';

/** In the order in which they are measured and printed. */
export const rows: readonly Row[] = [
  ...[appendRow, postgresAppendRow],
  ...[shortRunsRow, firstEventRow, addedPerTokenRow, cpuPerTokenRow, approvalRow],
  ...[fanoutRow, tapePagesRow, trivialQueryRow],
];
