import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readConfiguration } from '../../dist/configuration.js';
import { startGateway } from '../../dist/gateway.js';
import { createLogger } from '../../dist/logger.js';
import { defineTool } from '../../dist/tool.js';

/** The real server, as it was built, with tools whose every execution leaves a line in a file, so that crashes can be counted against it. */

const effects = process.env.EFFECTS_FILE ?? 'effects.log';

function readEffects() {
  return existsSync(effects) ? readFileSync(effects, 'utf8') : '';
}

function stamping(name, risk, idempotent) {
  return defineTool({
    name,
    description: 'Leaves a line in a file.',
    input: z.strictObject({ mark: z.string(), milliseconds: z.number().default(10) }),
    risk,
    idempotent,
    parallelSafe: false,
    timeoutSeconds: 60,
    async execute({ mark, milliseconds }, { idempotencyKey, signal }) {
      await sleep(Math.random() * 10);
      const isFirst = !readEffects().includes(`${name} ${mark} `);
      appendFileSync(effects, `${name} ${mark} ${idempotencyKey}\n`);
      // Only the first execution takes long, so that one can be interrupted and its repetition be waited for.
      await sleep(isFirst ? milliseconds : 0, null, { signal });
      return `stamped ${mark}`;
    },
  });
}

const outcome = readConfiguration(process.env, () =>
  JSON.stringify({ models: { scripted: { provider: 'scripted', paceMilliseconds: 2 } } }),
);
if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
const logger = createLogger(outcome.configuration.logLevel);
const crash = defineTool({
  name: 'crash',
  description: 'Takes the server with it.',
  input: z.strictObject({}),
  risk: 'LOW',
  idempotent: true,
  parallelSafe: false,
  timeoutSeconds: 10,
  async execute() {
    process.kill(process.pid, 'SIGKILL');
    return sleep(10_000, null);
  },
});
const tools = [
  crash,
  stamping('stamp', 'LOW', false),
  stamping('again', 'LOW', true),
  stamping('asked', 'HIGH', false),
];
const gateway = await startGateway(outcome.configuration, logger, { tools });
logger.info({ event: 'listening', url: gateway.url }, 'listening');
process.once('SIGTERM', () => {
  gateway.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
