// Loaded before a server (`node --import`) to measure its event loop. Answers each message of the parent process with what it has
// measured since the last one, in milliseconds: the delays of the event loop, which on a busy machine include the time of other
// processes; `hold`, the most processor time between two turns, which does not; and all processor time. Both include the threads
// of the garbage collector and the compiler.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const histogram = monitorEventLoopDelay({ resolution: 1 });
const rounded = (milliseconds) => Math.round(milliseconds * 10) / 10;
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
let start = used();
let last = start;
let hold = 0;

histogram.enable();
setInterval(() => {
  const now = used();
  hold = Math.max(hold, now - last);
  last = now;
}, 1).unref();

process.on('message', () => {
  const [p99, worst] = [histogram.percentile(99) / 1e6, histogram.max / 1e6];
  const processor = used() - start;
  process.send?.({ p99: rounded(p99), worst: rounded(worst), hold: rounded(hold), processor: rounded(processor) });
  histogram.reset();
  start = used();
  last = start;
  hold = 0;
});
// The channel must not keep the server from exiting.
process.channel?.unref();
