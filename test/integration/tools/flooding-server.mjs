// An MCP server over stdio, without a package, that sends what the input of its tool `act` says.
import { createInterface } from 'node:readline';

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const replies = new Map();
let asked = 0;

const tools = [{ name: 'act', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }];
const serverInfo = { name: 'flooding', version: '1.0.0' };
const results = {
  initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo },
  'tools/list': { tools },
  ping: {},
};

function ask(params) {
  asked += 1;
  const id = `asked${asked}`;
  send({ id, method: 'elicitation/create', params });
  return new Promise((resolve) => replies.set(id, resolve));
}

const fieldsOf = (count, field) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`field${index}`, field]));

/** Asks the same form again and again, and returns the errors. */
async function askOften({ fields, field = { type: 'string' }, times = 1 }) {
  const errors = [];
  for (let time = 0; time < times; time += 1) {
    const requestedSchema = { type: 'object', properties: fieldsOf(fields, field) };
    const { error } = await ask({ message: 'Fill it in.', requestedSchema });
    errors.push(error?.message);
  }
  return errors;
}

/** Sends requests without end; does not read the replies if it is deaf. */
async function flood({ requests, deaf }) {
  if (deaf) process.stdin.pause();
  for (let sent = 0; sent < requests; sent += 100) {
    const pings = Array.from({ length: 100 }, (_, index) => ({
      jsonrpc: '2.0',
      id: `ping${sent + index}`,
      method: 'ping',
    }));
    if (!process.stdout.write(pings.map((ping) => `${JSON.stringify(ping)}\n`).join(''))) {
      await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
  }
  return 'flooded';
}

async function act(id, input) {
  if (input.blocks) return send({ id, result: { content: Array(input.blocks).fill(input.block) } });
  if (input.meta) return send({ id, result: { content: [], _meta: fieldsOf(input.meta, 1) } });
  const output = input.requests ? await flood(input) : await askOften(input);
  send({ id, result: { content: [{ type: 'text', text: JSON.stringify(output) }] } });
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, method, params, ...reply } = JSON.parse(line);
    if (method === 'tools/call') void act(id, params.arguments);
    else if (method !== undefined && id !== undefined) send({ id, result: results[method] });
    else replies.get(id)?.(reply);
  })
  .on('close', () => process.exit());
