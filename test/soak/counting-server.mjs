import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readConfiguration } from '../../dist/configuration.js';
import { startGateway } from '../../dist/gateway.js';
import { createLogger } from '../../dist/logger.js';
import { defineTool } from '../../dist/tool.js';

/** The built server with tools that record each execution in a file, so that a test can count executions across crashes. */

const executionsFile = process.env.EXECUTIONS_FILE ?? 'executions.log';

function readExecutions() {
  return existsSync(executionsFile) ? readFileSync(executionsFile, 'utf8') : '';
}

function recordingTool(name, risk, idempotent) {
  return defineTool({
    name,
    description: 'Appends a line to a file.',
    input: z.strictObject({ mark: z.string(), milliseconds: z.number().default(10) }),
    risk,
    idempotent,
    parallelSafe: false,
    timeoutSeconds: 60,
    async execute({ mark, milliseconds }, { idempotencyKey, signal }) {
      await sleep(Math.random() * 10);
      const isFirst = !readExecutions().includes(`${name} ${mark} `);
      appendFileSync(executionsFile, `${name} ${mark} ${idempotencyKey}\n`);
      // Only the first execution takes the requested time: a test can interrupt it, and wait for the second one.
      await sleep(isFirst ? milliseconds : 0, null, { signal });
      return `stamped ${mark}`;
    },
  });
}

/** The program of the MCP server that asks persons, if the campaign needs it. */
const askingServer = process.env.ASKING_SERVER;
const shop = {
  command: process.execPath,
  args: [askingServer],
  env: { EXECUTIONS_FILE: executionsFile },
  elicitation: true,
  tools: { order: { risk: 'LOW' } },
};
/** The first runs of the agent that the campaign creates fit in. Every later one asks. */
const budgets = [{ appliesTo: 'agent', period: 'total', tokens: 5000, onLimit: 'ask' }];
const outcome = readConfiguration(process.env, () =>
  JSON.stringify({
    models: { scripted: { provider: 'scripted', paceMilliseconds: 2 } },
    mcpServers: askingServer ? { shop } : {},
    budgets,
  }),
);
if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
const logger = createLogger(outcome.configuration.logLevel);
const crash = defineTool({
  name: 'crash',
  description: 'Kills the server.',
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
const askPerson = {
  ...defineTool({
    name: 'ask_person',
    description: 'Asks a person.',
    input: z.strictObject({ prompt: z.string() }),
    risk: 'LOW',
    idempotent: true,
    parallelSafe: true,
    timeoutSeconds: 0,
    execute: () => Promise.reject(new Error('A person answers.')),
  }),
  delegation: {
    kind: 'QUESTION',
    timeoutSeconds: null,
    question: ({ prompt }) => ({ prompt, answerSchema: { type: 'string' } }),
  },
};
const tools = [
  crash,
  askPerson,
  recordingTool('stamp', 'LOW', false),
  recordingTool('stamp_idempotent', 'LOW', true),
  recordingTool('stamp_approved', 'HIGH', false),
];
const gateway = await startGateway(outcome.configuration, logger, { tools });
logger.info({ event: 'listening', url: gateway.url }, 'listening');
process.once('SIGTERM', () => {
  gateway.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
