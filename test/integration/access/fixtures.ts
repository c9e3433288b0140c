import { createTestClient } from '../../client.ts';
import { send } from '../conversation.ts';
import { type TestGateway, until } from '../gateway.ts';
import { ask, bearing, tokens } from './accounts.ts';
import type { Names } from './stranger-documents.ts';

type Gateway = TestGateway['gateway'];

/** Stands in everything that Ada writes, and in nothing else. */
export const mark = 'xyzzy';
const mutate = async (url: string, text: string) => {
  const { body } = await ask(url, text, bearing(tokens.ada));
  return Object.values(body.data ?? {})[0] as Record<string, { id: string }>;
};

const idsIn = (connection: unknown) => (connection as { nodes: { id: string }[] } | undefined)?.nodes ?? [];

/** Something of every kind that the schema knows. */
export async function furnish(url: string): Promise<Names> {
  const client = createTestClient(url, bearing(tokens.ada));
  const made = await mutate(
    url,
    `mutation { createAgent(input: {name: "${mark}", instructions: "${mark}"}) { ... on CreateAgentSuccess { agent { id } } } }`,
  );
  const text = `/call http_fetch {"url": "https://example.com/${mark}"}`;
  const { run } = await send(client, { sessionKey: 'shared-key', text, agentId: made.agent?.id });
  const [approval] = await until(async () => {
    const { body } = await ask(url, '{ approvals { nodes { id } } }', bearing(tokens.ada));
    const nodes = idsIn(body.data?.approvals);
    return nodes.length > 0 && nodes;
  });
  const session = await ask(url, '{ sessions { nodes { id } } }', bearing(tokens.ada));
  const sessionId = idsIn(session.body.data?.sessions)[0]?.id ?? '';
  await mutate(url, `mutation { updateSession(input: {sessionId: "${sessionId}", title: "${mark}"}) { __typename } }`);
  const kept = await mutate(
    url,
    `mutation { remember(input: {text: "${mark}", sessionId: "${sessionId}"}) { ... on RememberSuccess { memory { id } } } }`,
  );
  const names = {
    sessionId,
    runId: run.id,
    approvalId: approval?.id ?? '',
    agentId: made.agent?.id ?? '',
    memoryId: kept.memory?.id ?? '',
  };
  await client[Symbol.asyncDispose]();
  return { ...names, sessionKey: 'shared-key', key: 'shared-key', confirmKey: 'shared-key', tool: 'http_fetch' };
}

/** A subscription that stays open is cut when Ada has seen something, so that a stranger would have too. */
export async function listen(
  url: string,
  query: string,
  token: string,
  enough: (text: string) => boolean,
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
      if (enough(text)) controller.abort();
    }
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  }
  return text;
}

/** All that is stored of somebody, as one text. */
export async function rowsOf(gateway: Gateway, owner: string, { runId }: Names): Promise<string> {
  const { reader } = gateway.parts.database;
  const parts = [
    reader.session.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
    reader.run.findMany({ where: { session: { owner } }, orderBy: { id: 'asc' } }),
    reader.approval.findMany({ where: { run: { session: { owner } } }, orderBy: { id: 'asc' } }),
    reader.agent.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
    reader.memory.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
    reader.event.count({ where: { runId } }),
  ];
  return JSON.stringify(await Promise.all(parts), (_key, value) => (typeof value === 'bigint' ? String(value) : value));
}
