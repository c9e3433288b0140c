import { afterAll, beforeAll, expect, test } from 'vitest';
import { SendMessageDocument } from '../../generated/graphql.ts';
import { type InProcess, openInProcess, requestApproval } from './in-process.ts';

let gateway: InProcess;
beforeAll(async () => {
  gateway = await openInProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

test('the tool calls of 50 runs take as many statements as those of one', async () => {
  for (let index = 0; index < 50; index += 1) {
    const input = { sessionKey: `calls-${index}`, text: 'hello' };
    const { sendMessage } = await gateway.data(SendMessageDocument, { input });
    if (sendMessage.__typename !== 'SendMessageSuccess') throw new Error(JSON.stringify(sendMessage));
    await requestApproval(gateway, sendMessage.run.id);
  }
  const document = `query ($first: Int) { runs(first: $first) { nodes { toolCalls {
    callId state input approval { id summary } waits { id state run { id } } } } } }`;
  const count = async (first: number) => {
    const before = gateway.statements();
    const { data, errors } = await gateway.run(document, { first }, {});
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data).match(/"state":"WAITING"/g)).toHaveLength(first);
    return gateway.statements() - before;
  };
  const [few, many] = [await count(1), await count(50)];
  expect(many).toBe(few);
  expect(many).toBeLessThan(8);
});
