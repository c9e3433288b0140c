// Runs the test of a client behind a network that cuts, freezes and delays, with 10,000 cuts, or the number given as an argument. Then
// reads tapes of 100,000 events, or of the second argument.
import { spawnSync } from 'node:child_process';

const [cuts = '10000', events = '100000'] = process.argv.slice(2);
const test = 'test/integration/client/troubled-network.test.ts';
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'integration', '--testTimeout', '1200000', test];
const longTape = ['--import', 'tsx', 'test/soak/client-long-tape.ts', events];

for (const parameters of [...(cuts === '0' ? [] : [vitest]), ...(events === '0' ? [] : [longTape])]) {
  const env = { ...process.env, RUNTAPE_CUTS: cuts };
  const { status } = spawnSync(process.execPath, parameters, { env, stdio: 'inherit' });
  process.exitCode ||= status ?? 1;
}
