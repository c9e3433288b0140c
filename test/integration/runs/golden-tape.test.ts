import { expect, test } from 'vitest';
import { decideNextApproval, type Event, follow, send } from '../conversation.ts';
import { countedTool } from '../counted-tool.ts';
import { startTestGateway } from '../gateway.ts';
import { goldenConversation } from './golden-conversation.ts';

test('B32: a fixed conversation produces the same tape every time, except ids and times', async () => {
  const { client } = await startTestGateway({
    tools: [countedTool(), countedTool({ name: 'ask', risk: 'HIGH' })],
  });
  const tapes: string[] = [];
  for (const text of goldenConversation) {
    const { run } = await send(client, { sessionKey: 'golden', text, idempotencyKey: `key ${tapes.length}` });
    if (text.includes('/call ask')) await decideNextApproval(client, run.id, 'ALLOW');
    tapes.push(written(await follow(client, run.id)));
  }
  await expect(`${tapes.join('\n')}\n`).toMatchFileSnapshot('../../data/golden-tape.txt');
});

/** One line per event. Ids are numbered by first appearance; times are left out. */
function written(events: readonly Event[]): string {
  const names = new Map<string, string>();
  const named = (id: string) => {
    if (!names.has(id)) names.set(id, `${id.slice(0, id.indexOf('_'))}-${names.size + 1}`);
    return names.get(id) ?? id;
  };
  const lines = events.map(({ seq, type, actor, payload }) => {
    const text = JSON.stringify(payload, Object.keys(flat(payload)).sort());
    return `${seq} ${type} ${actor} ${text}`
      .replace(/\b(ses|run|apr|call|key)_[0-9A-Z]{26}\b/g, named)
      .replace(/"(expiresAt|durationMilliseconds|workMilliseconds)":\d+/g, '"$1":0')
      .replace(/"(instructionsHash|requestHash|toolsHash|definitionHash)":"[0-9a-f]{64}"/g, '"$1":"…"');
  });
  return lines.join('\n');
}

/** All keys at any depth, for a fixed order of members. */
function flat(value: unknown): Record<string, true> {
  if (typeof value !== 'object' || value === null) return {};
  const keys = Array.isArray(value) ? [] : Object.keys(value).map((key) => [key, true] as const);
  return Object.assign(Object.fromEntries(keys), ...Object.values(value).map(flat));
}
