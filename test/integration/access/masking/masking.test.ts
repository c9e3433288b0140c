import { expect, test } from 'vitest';
import type { Json } from '../../../../src/domain/events.ts';
import { converse } from '../../conversation.ts';
import { startTestGateway } from '../../gateway.ts';
import { askEcho, decideOn, echo, found, key, resultOf } from './echo.ts';

test('B61: a secret in a call reaches the tool and is not recorded, nor is one in what it answers', async () => {
  const seen: Json[] = [];
  const { client, gateway } = await startTestGateway({ tools: [echo('LOW', seen)] });
  const input = { url: 'https://example.com', apiKey: key, note: `use ${key} there` };
  await converse(client, { sessionKey: 's', text: `/call echo ${JSON.stringify(input)}` });
  expect(seen).toEqual([input]);
  const events = await gateway.parts.database.reader.event.findMany({
    where: { type: { in: ['tool_call', 'tool_result', 'context'] } },
  });
  const recorded = JSON.stringify(events, (_key, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : typeof value === 'bigint' ? String(value) : value,
  );
  expect(recorded).not.toContain(key);
  expect(recorded).not.toContain(found);
  expect(recorded).toContain('[masked api key #');
  expect(recorded).toContain('1234567890123456');
  expect(recorded).toContain('80dd3f6c2b1a9f0e7d6c5b4a39281706f5e4d3c2');
});

test('B61: nor is it shown to the person who is asked; after a restart the call fails and says why', async () => {
  const seen: Json[] = [];
  const options = { tools: [echo('HIGH', seen)] };
  const started = await startTestGateway(options);
  const { runId, approval } = await askEcho(started.client, { apiKey: key });
  expect(JSON.stringify(approval)).not.toContain(key);
  expect(approval.summary).toContain('masked');
  const again = await started.restart(options);
  await decideOn(again.client, approval.id);
  const { ok, error } = await resultOf(again.client, runId);
  expect(ok).toBe(false);
  expect(error).toMatch(/holds \[masked api key #\w+\]: credentials are never recorded.* Give it again\./);
  expect(seen).toEqual([]);
  expect(await again.gateway.parts.database.reader.encryptedInput.count()).toBe(0);
});
