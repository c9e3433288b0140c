import { expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';
import { createTestClient } from '../../client.ts';
import { send } from '../conversation.ts';
import { until } from '../gateway.ts';
import { type Answered, ask, bearing, codeOf, startGuarded, tokens } from './accounts.ts';
import { attempts, type Names } from './stranger-documents.ts';

/** Stands in everything that Ada writes, and in nothing else. */
const mark = 'xyzzy';
const mutate = async (url: string, text: string) => {
  const { body } = await ask(url, text, bearing(tokens.ada));
  return Object.values(body.data ?? {})[0] as Record<string, { id: string }>;
};

const idsIn = (connection: unknown) => (connection as { nodes: { id: string }[] } | undefined)?.nodes ?? [];

/** Something of every kind that the schema knows. */
async function furnish(url: string): Promise<Names> {
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
async function listen(url: string, query: string, token: string, enough: (text: string) => boolean): Promise<string> {
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

test('B3: whatever the schema has, a stranger finds nothing of somebody else in it, and changes nothing', async () => {
  const { url, gateway } = await startGuarded();
  const names = await furnish(url);
  const rows = async () => {
    const { reader } = gateway.parts.database;
    const owner = 'ada';
    const parts = [
      reader.session.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
      reader.run.findMany({ where: { session: { owner } }, orderBy: { id: 'asc' } }),
      reader.approval.findMany({ where: { run: { session: { owner } } }, orderBy: { id: 'asc' } }),
      reader.agent.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
      reader.memory.findMany({ where: { owner }, orderBy: { id: 'asc' } }),
      reader.event.count({ where: { runId: names.runId } }),
    ];
    return JSON.stringify(await Promise.all(parts), (_key, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
  };
  const before = await rows();
  const walked = new Set<string>();
  const shown = new Set<string>();
  for (const { operation, field, text } of attempts(names)) {
    if (operation === 'subscription') {
      // Says once that it is open, and whether anything of Ada came with it.
      const heard = await listen(url, text, tokens.bob, (so) => /event:|:\n\n/.test(so));
      expect(heard).not.toContain(mark);
      walked.add(field);
      continue;
    }
    const foreign: Answered = await ask(url, text, bearing(tokens.bob));
    expect([text, foreign.status]).toEqual([text, 200]);
    expect(String(codeOf(foreign))).not.toMatch(/LIMIT|INTERNAL|VALIDATION|PARSE/);
    expect(foreign.text).not.toContain(mark);
    walked.add(field);
    if (operation === 'query' && (await ask(url, text, bearing(tokens.ada))).text.includes(mark)) shown.add(field);
  }
  expect(await rows()).toBe(before);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  expect([...walked].sort()).toEqual(roots.flatMap((type) => Object.keys(type?.getFields() ?? {})).sort());
  // The walk itself works: the same operations show Ada what is hers.
  const showing = [
    'agents',
    'approval',
    'approvals',
    'memories',
    'node',
    'nodes',
    'run',
    'runs',
    'session',
    'sessions',
  ];
  expect([...shown]).toEqual(expect.arrayContaining(showing));
});

test('B3: what happens to somebody is heard by nobody else', async () => {
  const { url } = await startGuarded();
  const query = 'subscription { approvalEvents { approval { input } } }';
  let heardByAda = false;
  const stranger = listen(url, query, tokens.bob, () => heardByAda);
  const owner = listen(url, query, tokens.ada, (text) => text.includes(mark));
  await furnish(url);
  expect(await owner).toContain(mark);
  heardByAda = true;
  // His own question wakes the stranger, behind everything that he might have heard.
  const client = createTestClient(url, bearing(tokens.bob));
  await send(client, { sessionKey: 'own', text: '/call http_fetch {"url": "https://example.com/"}' });
  const heard = await stranger;
  expect(heard).toContain('example.com/');
  expect(heard).not.toContain(mark);
  await client[Symbol.asyncDispose]();
});
