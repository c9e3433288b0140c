// @ts-check
// Loaded into a measured server by `--import`. Answers the benchmark over the channel between the two processes, so that the
// product needs no code for it.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const RESOLUTION_MILLISECONDS = 1;
const NANOSECONDS_PER_MILLISECOND = 1e6;
/** Finalizers of one collection may release objects for the next one. */
const COLLECTIONS = 3;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MILLISECONDS });

/** How much later than due the timer of the histogram fired. @param {number} nanoseconds */
const lateness = (nanoseconds) => Math.max(0, nanoseconds / NANOSECONDS_PER_MILLISECOND - RESOLUTION_MILLISECONDS);

/** @type {Record<string, () => unknown>} */
const answers = {
  beginDelays() {
    delays.reset();
    delays.enable();
    return null;
  },
  endDelays() {
    delays.disable();
    return { p99: lateness(delays.percentile(99)), worst: lateness(delays.max) };
  },
  liveBytes() {
    for (let collected = 0; collected < COLLECTIONS; collected += 1) collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
};

process.on('message', (/** @type {string} */ question) => process.send?.(answers[question]?.() ?? null));
process.channel?.unref();
