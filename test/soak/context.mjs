// Runs the test of a long conversation in a window of 8,000 tokens at its full length: 2,000 turns, or the number given as
// an argument. The test prints what the model was shown.
import { spawnSync } from 'node:child_process';

const [turns = '2000'] = process.argv.slice(2);
const test = 'test/integration/context/window.test.ts';
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'integration', test],
  {
    env: { ...process.env, RUNTAPE_TURNS: turns },
    stdio: 'inherit',
  },
);
process.exitCode = status ?? 1;
