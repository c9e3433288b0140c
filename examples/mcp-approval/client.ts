/**
 * Follows one run that uses a tool of an MCP server, and asks on the terminal whether the tool may run. `--yes` and `--no` answer
 * in advance. RUNTAPE_URL is the address of the server, by default ws://127.0.0.1:4000/graphql.
 */
import { createInterface } from 'node:readline/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const client = createClient({
  url: process.env.RUNTAPE_URL ?? 'ws://127.0.0.1:4000/graphql',
  webSocketImpl: WebSocket,
  retryAttempts: 5,
});

interface Approval {
  id: string;
  summary: string;
  risk: string;
}

interface RunEvent {
  type: string;
  cursor: string;
  text?: string;
  tool?: string;
  ok?: boolean;
  output?: unknown;
  error?: string | null;
  to?: string;
  approval?: Approval;
}

/** The result of a query or mutation, or every result of a subscription. */
async function* results<Data>(query: string, variables: Record<string, unknown> = {}): AsyncGenerator<Data> {
  for await (const { data, errors } of client.iterate<Data>({ query, variables })) {
    if (errors) throw new Error(errors.map(({ message }) => message).join('; '));
    if (data) yield data;
  }
}

async function once<Data>(query: string, variables: Record<string, unknown> = {}): Promise<Data> {
  for await (const data of results<Data>(query, variables)) return data;
  throw new Error('The server sent no result.');
}

/** MCP servers start after the gateway listens, and `npx` may have to download them first. */
async function untilReady(name: string): Promise<void> {
  for (;;) {
    const { gateway } = await once<{
      gateway: { mcpServers: { name: string; state: string; lastError: string | null; tools: { name: string }[] }[] };
    }>('{ gateway { mcpServers { name state lastError tools { name } } } }');
    const server = gateway.mcpServers.find((candidate) => candidate.name === name);
    if (!server)
      throw new Error(
        `The server has no MCP server "${name}". Start it with examples/mcp-approval/runtape.config.json.`,
      );
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
// The scripted model executes the commands in the message. A real model would request the call by itself.
const call = {
  path: 'hello.txt',
  content: 'Written by a tool, allowed by a person.\n',
};
const { runId, cursor } = await send(`/call workspace__write_file ${JSON.stringify(call)}\n/then\n/echo`);
const follow = `subscription ($runId: ID!, $after: String) {
  runEvents(runId: $runId, after: $after) {
    type
    cursor
    ... on OutputEvent { text }
    ... on ToolStartEvent { tool }
    ... on ToolResultEvent { tool ok output error }
    ... on StatusEvent { to }
    ... on ApprovalRequestEvent { approval { id summary risk } }
  }
}`;
// graphql-ws sends these variables again when it reconnects: `after` is updated, so that no event is repeated.
const variables = { runId, after: cursor };
for await (const { runEvents: event } of results<{ runEvents: RunEvent }>(follow, variables)) {
  variables.after = event.cursor;
  const description = describe(event);
  if (description !== '') console.log(event.type.padEnd(12), description);
  if (event.approval) await decide(event.approval);
}
await client.dispose();
