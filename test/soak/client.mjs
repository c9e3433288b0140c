// Runs the test of a client behind a network that cuts, freezes and delays, with 10,000 cuts, or the number given as an argument.
import { spawnSync } from 'node:child_process';

const [cuts = '10000'] = process.argv.slice(2);
const test = 'test/integration/client/troubled-network.test.ts';
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'integration', '--testTimeout', '1200000', test],
  {
    env: { ...process.env, RUNTAPE_CUTS: cuts },
    stdio: 'inherit',
  },
);
process.exitCode = status ?? 1;
