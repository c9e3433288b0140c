// Loaded before a server (`node --import`) to measure its event loop. Answers each message of the parent process with the delays
// and the processor time since the last one, in milliseconds. On a busy machine the delays include the time of other processes.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const histogram = monitorEventLoopDelay({ resolution: 1 });
const milliseconds = (nanoseconds) => Math.round(nanoseconds / 1e5) / 10;
histogram.enable();
let since = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(since);
  const processor = Math.round((user + system) / 100) / 10;
  process.send?.({ p99: milliseconds(histogram.percentile(99)), worst: milliseconds(histogram.max), processor });
  histogram.reset();
  since = process.cpuUsage();
});
// The channel must not keep the server from exiting.
process.channel?.unref();
