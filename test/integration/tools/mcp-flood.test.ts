import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import { converse } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { resultOf, untilServer } from './mcp-programs.ts';

const program = join(import.meta.dirname, 'flooding-server.mjs');

async function startFlooding() {
  const shop = { command: process.execPath, args: [program], elicitation: true };
  const { client } = await startTestGateway({ file: { mcpServers: { shop } } });
  await untilServer(client, 'shop', 'READY');
  return client;
}

/** The result of a call of its tool. */
async function act(client: TestClient, input: object) {
  const { events } = await converse(client, { sessionKey: 's', text: calling(['shop__act', input]) });
  return resultOf(events);
}

const lost = (reason: string) => ({ ok: false, error: expect.stringContaining(reason) });

describe('B60: an MCP server over stdio', () => {
  test.each([
    ['with a form of 200,000 fields', { fields: 200_000 }, 'It sent a message with more than 100000 members.'],
    ['with 100,000 blocks', { blocks: 100_000, block: { type: 'no' } }, 'It sent a message with more than'],
    ['with 50,000 members beside its result', { meta: 50_000 }, 'more than 2000 members in its first 3 levels'],
    [
      'that does not read replies',
      { requests: 2_000_000, deaf: true },
      'It does not read the replies to its requests.',
    ],
  ])('%s is lost with the reason, and starts again', async (_name, input, reason) => {
    const client = await startFlooding();
    expect(await act(client, input)).toMatchObject(lost(reason));
    await untilServer(client, 'shop', 'READY');
  });

  test('gets a short error for a form with too many or invalid fields, and each counts as a question of its call', async () => {
    const client = await startFlooding();
    const { output } = await act(client, { fields: 101, times: 17 });
    expect(JSON.parse(String(output))).toEqual([
      ...Array(16).fill('MCP error -32602: The form must not have more than 100 fields.'),
      'MCP error -32600: A call can ask 16 questions.',
    ]);
    const invalid = await act(client, { fields: 100, field: { type: 'no' } });
    const [error] = JSON.parse(String(invalid.output));
    expect(error).toHaveLength(2000);
  });

  test('has the first invalid block of a result reported, and no more', async () => {
    const client = await startFlooding();
    const { ok, error } = await act(client, { blocks: 2000, block: { type: 'no' } });
    expect({ ok, error }).toMatchObject(lost('sent an invalid result'));
    expect(await act(client, { blocks: 2049, block: { type: 'text', text: 'a' } })).toMatchObject(
      lost('a result with more than 2048 blocks of content'),
    );
  });

  test('that sends requests without end does not keep others waiting', async () => {
    const client = await startFlooding();
    const flooding = act(client, { requests: 10_000 });
    const times: number[] = [];
    let isFlooding = true;
    const ended = flooding.finally(() => {
      isFlooding = false;
    });
    while (isFlooding) {
      const startedAt = performance.now();
      await client.post({ query: '{ viewer { principal } }' });
      times.push(performance.now() - startedAt);
    }
    expect(await ended).toMatchObject({ ok: true });
    // Before, a handful of requests were answered.
    expect(times.length).toBeGreaterThan(200);
  });
});
