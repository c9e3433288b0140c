import type { Row } from './row.ts';
import { addedPerTokenRow } from './runs/added-per-token.ts';
import { cpuPerTokenRow } from './runs/cpu-per-token.ts';
import { firstEventRow } from './runs/first-event.ts';
import { shortRunsRow } from './runs/short-runs.ts';

/** In the order in which they are measured and printed. */
export const rows: readonly Row[] = [shortRunsRow, firstEventRow, addedPerTokenRow, cpuPerTokenRow];
