// A client that keeps its limits: sends a query every 20 ms for some seconds and prints its response times as JSON. It is a process
// of its own, because the hostile clients keep theirs busy.
import { setTimeout as sleep } from 'node:timers/promises';

const [url = '', authorization = '', seconds = '1'] = process.argv.slice(2);
const headers = { 'content-type': 'application/json', authorization };
const end = performance.now() + Number(seconds) * 1000;
const times = [];
while (performance.now() < end) {
  const start = performance.now();
  const response = await fetch(url, { method: 'POST', headers, body: '{"query":"{ viewer { principal } }"}' });
  const text = await response.text();
  if (response.status !== 200 || !text.includes('ada')) throw new Error(`The client is not served: ${text}`);
  times.push(performance.now() - start);
  await sleep(20);
}
times.sort((one, other) => one - other);
const percentile = (part) => Math.round((times[Math.floor(times.length * part)] ?? 0) * 10) / 10;
console.log(JSON.stringify({ requests: times.length, p50: percentile(0.5), p99: percentile(0.99) }));
