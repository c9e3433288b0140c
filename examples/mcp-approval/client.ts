/**
 * Follows one run that uses a tool of an MCP server, and asks at the terminal before the tool runs.
 * `--yes` and `--no` answer in advance. RUNTAPE_URL is where the gateway is, ws://127.0.0.1:4000/graphql by default.
 */
import { createInterface } from 'node:readline/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const client = createClient({
  url: process.env.RUNTAPE_URL ?? 'ws://127.0.0.1:4000/graphql',
  webSocketImpl: WebSocket,
  // The cursor makes coming back after a broken connection exact, so retrying is safe.
  retryAttempts: 5,
});

interface Approval {
  id: string;
  summary: string;
  risk: string;
}

interface RunEvent {
  type: string;
  text?: string;
  tool?: string;
  ok?: boolean;
  output?: unknown;
  error?: string | null;
  to?: string;
  approval?: Approval;
}

/** One operation, or every result of a subscription. */
async function* results<Data>(query: string, variables: Record<string, unknown> = {}): AsyncGenerator<Data> {
  for await (const { data, errors } of client.iterate<Data>({ query, variables })) {
    if (errors) throw new Error(errors.map(({ message }) => message).join('; '));
    if (data) yield data;
  }
}

async function once<Data>(query: string, variables: Record<string, unknown> = {}): Promise<Data> {
  for await (const data of results<Data>(query, variables)) return data;
  throw new Error('The gateway gave no answer.');
}

/** Servers of tools start beside the gateway; `npx` may download one first. */
async function untilReady(name: string): Promise<void> {
  for (;;) {
    const { gateway } = await once<{
      gateway: { mcpServers: { name: string; state: string; lastError: string | null; tools: { name: string }[] }[] };
    }>('{ gateway { mcpServers { name state lastError tools { name } } } }');
    const server = gateway.mcpServers.find((found) => found.name === name);
    if (!server) throw new Error(`The gateway knows no MCP server "${name}". Was it started with this configuration?`);
    if (server.state === 'READY') {
      console.log(`${name} offers ${server.tools.length} tools.`);
      return;
    }
    if (server.lastError) console.log(`${name}: ${server.lastError}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function send(text: string): Promise<{ runId: string; cursor: string }> {
  const { sendMessage } = await once<{
    sendMessage: { message?: string; run?: { id: string }; cursor?: string };
  }>(
    `mutation ($input: SendMessageInput!) {
      sendMessage(input: $input) {
        ... on SendMessageSuccess { run { id } cursor }
        ... on Error { message }
      }
    }`,
    { input: { sessionKey: 'mcp-approval', text } },
  );
  if (!sendMessage.run || !sendMessage.cursor) throw new Error(sendMessage.message);
  return { runId: sendMessage.run.id, cursor: sendMessage.cursor };
}

async function decide(approval: Approval): Promise<void> {
  console.log(`\n${approval.risk} risk: ${approval.summary}`);
  const decision = (await isAllowed()) ? 'ALLOW' : 'DENY';
  await once(
    `mutation ($input: DecideApprovalInput!) {
      decideApproval(input: $input) { __typename }
    }`,
    { input: { approvalId: approval.id, decision } },
  );
  console.log(`${decision}\n`);
}

async function isAllowed(): Promise<boolean> {
  if (process.argv.includes('--yes')) return true;
  if (process.argv.includes('--no')) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question('Allow it? [y/N] ');
  terminal.close();
  return /^y/i.test(answer);
}

function describe(event: RunEvent): string {
  if (event.tool && event.ok !== undefined) {
    return event.ok ? `${event.tool} → ${JSON.stringify(event.output)}` : `${event.tool} failed: ${event.error}`;
  }
  return event.text ?? event.to ?? event.tool ?? '';
}

await untilReady('workspace');
// The scripted model does what its first line says. A real model would come to such a call by itself.
const call = {
  path: 'hello.txt',
  content: 'Written by a tool, allowed by a person.\n',
};
const { runId, cursor } = await send(`/call workspace__write_file ${JSON.stringify(call)}\n/then\n/echo`);
const follow = `subscription ($runId: ID!, $after: String) {
  runEvents(runId: $runId, after: $after) {
    type
    ... on OutputEvent { text }
    ... on ToolStartEvent { tool }
    ... on ToolResultEvent { tool ok output error }
    ... on StatusEvent { to }
    ... on ApprovalRequestEvent { approval { id summary risk } }
  }
}`;
for await (const { runEvents: event } of results<{ runEvents: RunEvent }>(follow, { runId, after: cursor })) {
  const description = describe(event);
  if (description !== '') console.log(event.type.padEnd(12), description);
  if (event.approval) await decide(event.approval);
}
await client.dispose();
