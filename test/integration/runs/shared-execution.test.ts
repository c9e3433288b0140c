import { isObjectType } from 'graphql';
import { expect, onTestFinished, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';
import { CancelRunDocument } from '../../generated/graphql.ts';
import { follow, send } from '../conversation.ts';
import { startTestGateway, until } from '../gateway.ts';

const FOLLOWERS = 8;

/** Counts how often the server resolves `seq` of an event of this type. */
function countExecutions(typeName: string): () => number {
  const type = schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(`There is no type ${typeName}.`);
  const { seq } = type.getFields();
  if (!seq) throw new Error(`${typeName} has no seq.`);
  const { resolve } = seq;
  let count = 0;
  seq.resolve = (event, args, context, info) => {
    count += 1;
    return resolve ? resolve(event, args, context, info) : event.seq;
  };
  onTestFinished(() => {
    seq.resolve = resolve;
  });
  return () => count;
}

test('B25: a live event is not executed again for every follower of a run with the same operation', async () => {
  const { clientOf, client, gateway } = await startTestGateway();
  const { run: first } = await send(client, { sessionKey: 'shared', text: '/hang' });
  // It waits for the first run, so every follower is there before its first live event.
  const { run } = await send(client, { sessionKey: 'shared', text: '/pace 1\n/words 40' });
  const executions = countExecutions('OutputDeltaEvent');
  const { notifications, orchestrator } = gateway.parts;
  const others = () => notifications.listeners() - orchestrator.activeCount() - 1;
  const following = Array.from({ length: FOLLOWERS }, () => follow(clientOf('ada'), run.id));
  await until(async () => others() === FOLLOWERS);
  await client.send(CancelRunDocument, { input: { runId: first.id } });
  const tapes = await Promise.all(following);
  const deltas = tapes.map((events) => events.filter(({ type }) => type === 'OUTPUT_DELTA').length);
  expect(deltas[0]).toBeGreaterThan(0);
  expect(new Set(deltas).size).toBe(1);
  // A follower that falls behind reads pages of the journal, whose events it executes by itself. All of them never do.
  expect(executions()).toBeLessThan((deltas[0] ?? 0) * (FOLLOWERS / 2));
});
