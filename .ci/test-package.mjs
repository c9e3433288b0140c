// Tests the package as a user installs it, with several Nodes: `npm run test:package -- 20 22`. Each Node is installed from its npm
// package into a temporary folder, and compiles what the package needs. Without versions, every supported one is tested.
import { runScript, StepFailed } from './child.mjs';
import { installNode, temporaryFolder } from './node-version.mjs';

/** Node 24.19 and newer 24.x can abort in better-sqlite3, see the README. */
const supported = ['20', '22', '24.18'];

async function test(version) {
  const { executable, environment } = await installNode(temporaryFolder(version), version);
  const parameters = ['run', '--project', 'e2e', 'test/e2e/package.test.ts'];
  return runScript('vitest/vitest.mjs', parameters, {
    environment: { ...environment, RUNTAPE_TEST_NODE: executable },
  });
}

const requested = process.argv.slice(2);
const results = [];
try {
  for (const version of requested.length > 0 ? requested : supported) {
    results.push(`Node ${version}: ${(await test(version)) ?? 'passed'}`);
  }
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  results.push(error.message);
}
console.log(results.join('\n'));
if (results.some((result) => !result.endsWith(': passed'))) process.exitCode = 1;
