import type { Row } from './row.ts';
import { addedPerTokenRow } from './runs/added-per-token.ts';
import { approvalRow } from './runs/approval.ts';
import { cpuPerTokenRow } from './runs/cpu-per-token.ts';
import { eventLoopDelayRow } from './runs/event-loop-delay.ts';
import { firstTokenRow } from './runs/first-token.ts';
import { postgresServersRow } from './runs/postgres-servers.ts';
import { postgresShortRunsRow } from './runs/postgres-short-runs.ts';
import { shortRunsRow } from './runs/short-runs.ts';
import { toolRunsRow } from './runs/tool-runs.ts';
import { fanoutRow } from './serving/fanout.ts';
import { tapePagesRow } from './serving/tape-pages.ts';
import { trivialQueryRow } from './serving/trivial-query.ts';
import { appendRow } from './store/append.ts';
import { growthRow } from './store/growth.ts';
import { memoryRow } from './store/memory.ts';
import { memoryPerItemRow } from './store/memory-per-item.ts';
import { postgresAppendRow } from './store/postgres-append.ts';
import { startRow } from './store/start-10000.ts';

/** In the order of measurement. */
export const rows: readonly Row[] = [
  appendRow,
  postgresAppendRow,
  shortRunsRow,
  toolRunsRow,
  postgresShortRunsRow,
  postgresServersRow,
  firstTokenRow,
  addedPerTokenRow,
  cpuPerTokenRow,
  approvalRow,
  eventLoopDelayRow,
  fanoutRow,
  tapePagesRow,
  trivialQueryRow,
  startRow,
  growthRow,
  memoryRow,
  memoryPerItemRow,
];
