import { createTestClient } from '../../client.ts';
import { send } from '../conversation.ts';
import { type TestGateway, until } from '../gateway.ts';
import { ask, bearing, tokens } from './accounts.ts';
import type { ArgumentValues } from './stranger-documents.ts';

/** Occurs in everything that Ada creates, and nowhere else. */
export const marker = 'xyzzy';

async function mutate(url: string, text: string) {
  const { body } = await ask(url, text, bearing(tokens.ada));
  return Object.values(body.data ?? {})[0] as Record<string, { id: string }>;
}

const nodesOf = (connection: unknown) => (connection as { nodes: { id: string }[] } | undefined)?.nodes ?? [];

/** Creates objects of every kind for Ada. Returns their ids and keys, by the names of arguments that accept them. */
export async function createObjectsOfAda(url: string): Promise<ArgumentValues> {
  await using client = createTestClient(url, bearing(tokens.ada));
  const { agent } = await mutate(
    url,
    `mutation { createAgent(input: {name: "${marker}", instructions: "${marker}"}) { ... on CreateAgentSuccess { agent { id } } } }`,
  );
  const address = new URL(`/attachments?name=${marker}`, url);
  const headers = { 'content-type': 'application/octet-stream', ...bearing(tokens.ada) };
  const uploaded = await fetch(address, { method: 'POST', headers, body: marker });
  const { id: attachmentId } = (await uploaded.json()) as { id: string };
  const text = `/call http_fetch {"url": "https://example.com/${marker}"}\n/call pick {"title": "${marker}"}`;
  const pick = { name: 'pick', description: marker, inputSchema: { type: 'object' } };
  const { run } = await send(client, {
    sessionKey: 'shared-key',
    text,
    agentId: agent?.id,
    metadata: { name: marker },
    attachmentIds: [attachmentId],
    clientTools: [pick],
  });
  const [approval] = await until(async () => {
    const { body } = await ask(url, '{ approvals { nodes { id } } }', bearing(tokens.ada));
    const nodes = nodesOf(body.data?.approvals);
    return nodes.length > 0 && nodes;
  });
  const waits = await ask(url, '{ waits(filter: {kinds: [CLIENT_TOOL]}) { nodes { id } } }', bearing(tokens.ada));
  const sessions = await ask(url, '{ sessions { nodes { id } } }', bearing(tokens.ada));
  const sessionId = nodesOf(sessions.body.data?.sessions)[0]?.id ?? '';
  await mutate(
    url,
    `mutation { updateSession(input: {sessionId: "${sessionId}", title: "${marker}", metadata: {name: "${marker}"}}) { __typename } }`,
  );
  const { memory } = await mutate(
    url,
    `mutation { remember(input: {text: "${marker}", sessionId: "${sessionId}"}) { ... on RememberSuccess { memory { id } } } }`,
  );
  return {
    sessionId,
    runId: run.id,
    approvalId: approval?.id ?? '',
    clientToolCallId: nodesOf(waits.body.data?.waits)[0]?.id ?? '',
    agentId: agent?.id ?? '',
    memoryId: memory?.id ?? '',
    attachmentIds: attachmentId,
    sessionKey: 'shared-key',
    key: 'shared-key',
    confirmKey: 'shared-key',
    tool: 'http_fetch',
  };
}

/** Subscribes over SSE and returns what was received until `isEnough`, or until the server ended the stream. */
export async function receiveUntil(
  url: string,
  query: string,
  token: string,
  isEnough: (text: string) => boolean,
): Promise<string> {
  const controller = new AbortController();
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream', ...bearing(token) };
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query }),
    signal: controller.signal,
  });
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const piece of response.body ?? []) {
      text += decoder.decode(piece as Uint8Array, { stream: true });
      if (isEnough(text)) controller.abort();
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  }
  return text;
}

/** All stored rows of a principal as text, to detect any change. */
export async function rowsOf(
  gateway: TestGateway['gateway'],
  owner: string,
  { runId }: ArgumentValues,
): Promise<string> {
  const { reader } = gateway.parts.database;
  const parts = [
    reader.session.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
    reader.run.findMany({ where: { session: { owner } }, orderBy: { id: 'asc' } }),
    reader.wait.findMany({ where: { run: { session: { owner } } }, orderBy: { id: 'asc' } }),
    reader.agent.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
    reader.memory.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
    reader.attachment.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
    reader.event.count({ where: { runId } }),
  ];
  return JSON.stringify(await Promise.all(parts), (_key, value) => (typeof value === 'bigint' ? String(value) : value));
}
