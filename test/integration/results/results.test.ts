import { describe, expect, test } from 'vitest';
import { RunResultDocument, SendMessageDocument, type SendMessageInput } from '../../generated/graphql.ts';
import { branch, contextOf, createAgent, updateAgent } from '../context/session-operations.ts';
import { converse, decideNextApproval, follow, send, typesOf } from '../conversation.ts';
import { calling, countedTool } from '../counted-tool.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { type ReceivedRequest, sendEvents, startProvider, stopChunk, textChunk } from '../providers/fake-provider.ts';

const city = {
  type: 'object',
  properties: { city: { type: 'string' }, people: { type: 'integer', minimum: 1 } },
  required: ['city'],
  additionalProperties: false,
};
const paris = '{"city": "Paris", "people": 2000000}';

/** A script that says one text in each model call. */
const saying = (...texts: string[]) => texts.map((text) => `/say ${text}`).join('\n/then\n');

async function resultOf({ client }: Pick<TestGateway, 'client'>, input: SendMessageInput) {
  const { runId, run, events } = await converse(client, { outputSchema: city, ...input });
  const { run: withResult } = await client.send(RunResultDocument, { id: runId });
  return { runId, steps: run.steps, events, ...withResult };
}

describe('B73: a run with an output schema', () => {
  test('has the answer as its result if it fits at once', async () => {
    const gateway = await startTestGateway();
    const { runId, ...run } = await resultOf(gateway, { sessionKey: 'k', text: saying(paris) });
    expect(run).toMatchObject({ state: 'DONE', steps: 1, result: { city: 'Paris', people: 2_000_000 }, error: null });
    expect((await contextOf(gateway.client, runId)).contextAt.isExact).toBe(true);
  });

  test('asks for the answer in the form of the schema with one more step', async () => {
    const gateway = await startTestGateway();
    const text = saying('It is Paris.', `\`\`\`json\n${paris}\n\`\`\``);
    const { runId, events, ...run } = await resultOf(gateway, { sessionKey: 'k', text });
    expect(run).toMatchObject({ state: 'DONE', steps: 2, result: { city: 'Paris' } });
    expect(typesOf(events).filter((type) => type === 'OUTPUT' || type === 'CONTEXT')).toHaveLength(4);
    const { contextAt } = await contextOf(gateway.client, runId, 2);
    expect(contextAt).toMatchObject({ isExact: true, missing: [] });
    expect(contextAt.messages.at(-1)).toMatchObject({ role: 'USER' });
    expect(contextAt.messages.at(-1)?.text).toContain(JSON.stringify(city));
    expect(contextAt.messages.at(-1)?.text).toContain('Your last answer does not fit: it is not JSON');
  });

  test('repairs an answer twice, and tells the model what does not fit', async () => {
    const gateway = await startTestGateway();
    const text = saying('Paris.', '{"town": "Paris"}', '{"city": 7}', paris);
    const { runId, ...run } = await resultOf(gateway, { sessionKey: 'k', text });
    expect(run).toMatchObject({ state: 'DONE', steps: 4, result: { city: 'Paris' } });
    const told = async (step: number) => (await contextOf(gateway.client, runId, step)).contextAt;
    expect((await told(3)).messages.at(-1)?.text).toContain("result must have required property 'city'");
    expect((await told(4)).messages.at(-1)?.text).toContain('result/city must be string');
    for (const step of [1, 2, 3, 4]) expect(await told(step)).toMatchObject({ isExact: true });
    // Each request is for one model call only; a later turn has the answers alone.
    expect((await told(4)).messages.filter(({ role }) => role === 'USER')).toHaveLength(2);
    const { run: later } = await converse(gateway.client, { sessionKey: 'k', text: '/history' });
    expect(later.output?.match(/^user: /gm)).toHaveLength(2);
  });

  test('fails with RESULT_INVALID after two repairs, without a result', async () => {
    const gateway = await startTestGateway();
    const run = await resultOf(gateway, { sessionKey: 'k', text: saying('a', '{}', '[]', '{"city": 1}', paris) });
    expect(run).toMatchObject({
      state: 'FAILED',
      steps: 4,
      result: null,
      error: {
        code: 'RESULT_INVALID',
        retryable: false,
        message: expect.stringContaining('result/city must be string'),
      },
    });
  });

  test('uses tools before the result, with an approval between', async () => {
    const tool = countedTool({ risk: 'HIGH' });
    const gateway = await startTestGateway({ tools: [tool] });
    const { run } = await send(gateway.client, {
      sessionKey: 'k',
      text: `${calling(['count', { word: 'w' }])}\n/then\n${saying('Counted.', paris)}`,
      outputSchema: city,
    });
    await decideNextApproval(gateway.client, run.id, 'ALLOW');
    await follow(gateway.client, run.id);
    const { run: ended } = await gateway.client.send(RunResultDocument, { id: run.id });
    expect(ended).toMatchObject({ state: 'DONE', result: { city: 'Paris' } });
    expect(tool.executions).toHaveLength(1);
    expect((await contextOf(gateway.client, run.id, 3)).contextAt.isExact).toBe(true);
  });

  test('keeps its limit of steps', async () => {
    const gateway = await startTestGateway({ file: { limits: { maxSteps: 2 } } });
    const run = await resultOf(gateway, { sessionKey: 'k', text: saying('a', 'b', paris) });
    expect(run).toMatchObject({ state: 'FAILED', steps: 2, error: { code: 'STEP_LIMIT' } });
  });

  test('answers a steered message first', async () => {
    const gateway = await startTestGateway();
    const sent = await send(gateway.client, { sessionKey: 'k', text: '/pace 20\n/words 60', outputSchema: city });
    await send(gateway.client, { sessionKey: 'k', text: saying(paris), whenBusy: 'STEER' });
    await follow(gateway.client, sent.run.id);
    const { run } = await gateway.client.send(RunResultDocument, { id: sent.run.id });
    expect(run).toMatchObject({ state: 'DONE', result: { city: 'Paris' } });
    expect((await contextOf(gateway.client, sent.run.id, 2)).contextAt.isExact).toBe(true);
  });

  test('takes the schema of its agent, as the version that it started with has it; one of the message comes first', async () => {
    const gateway = await startTestGateway();
    const agent = await createAgent(gateway.client, { name: 'a', instructions: '', outputSchema: city });
    const input = { sessionKey: 'k', agentId: agent.id, outputSchema: null };
    expect(await resultOf(gateway, { ...input, text: saying('x', paris) })).toMatchObject({
      result: { city: 'Paris' },
    });
    const own = { type: 'array' };
    expect(await resultOf(gateway, { ...input, text: saying('[1]'), outputSchema: own })).toMatchObject({
      result: [1],
    });
    const changed = await updateAgent(gateway.client, { agentId: agent.id, outputSchema: {} });
    expect(changed.version).toBe(agent.version + 1);
    expect(await resultOf(gateway, { ...input, text: saying('x') })).toMatchObject({ state: 'DONE', result: null });
  });

  test('that is refused, or cut off, is not repaired for ever', async () => {
    const gateway = await startTestGateway({ file: { limits: { answerBytes: 100 } } });
    const text = '/words 100\n/then\n/words 100\n/then\n/words 100\n/then\n/words 100';
    expect(await resultOf(gateway, { sessionKey: 'k', text })).toMatchObject({ error: { code: 'RESULT_INVALID' } });
  });

  test('has its result in a branch, and null is a result', async () => {
    const gateway = await startTestGateway();
    const first = await resultOf(gateway, { sessionKey: 'k', text: saying('null'), outputSchema: { type: 'null' } });
    expect(first).toMatchObject({ state: 'DONE', steps: 1, result: null });
    const sent = await send(gateway.client, { sessionKey: 'k', text: saying('x') });
    await follow(gateway.client, sent.run.id);
    const sessionId = await branch(gateway.client, { sessionId: sent.session.id, runId: first.runId });
    const { sessionKey: _, ...inBranch } = { sessionKey: '', text: saying('x', paris), outputSchema: city };
    expect(await resultOf(gateway, { ...inBranch, sessionId })).toMatchObject({ result: { city: 'Paris' } });
  });
});

describe('B73: a provider with a response format', () => {
  const startLocal = async (answers: string[]) => {
    const provider = await startProvider((response) => {
      sendEvents(response, textChunk(answers.shift() ?? ''), stopChunk(), '[DONE]');
      response.end();
    });
    const local = { provider: 'openai-compatible', baseURL: provider.baseURL, model: 'any', structuredOutput: true };
    const gateway = await startTestGateway({
      file: { defaultModel: 'local', models: { local } },
      tools: [countedTool()],
    });
    return { provider, gateway };
  };
  const bodyOf = (request: ReceivedRequest | undefined) => JSON.parse(request?.body ?? '{}');

  test('gets the schema in every request, also with tools and for a repair', async () => {
    const { provider, gateway } = await startLocal(['{"city": 1}', paris]);
    const { runId, ...run } = await resultOf(gateway, { sessionKey: 'k', text: 'Where?' });
    expect(run).toMatchObject({ state: 'DONE', steps: 2, result: { city: 'Paris' } });
    const bodies = provider.requests.map(bodyOf);
    for (const body of bodies) {
      expect(body.response_format).toEqual({ type: 'json_schema', json_schema: { name: 'result', schema: city } });
      expect(body.tools).toHaveLength(1);
    }
    expect(bodies[1].messages.at(-1)).toMatchObject({
      role: 'user',
      content: expect.stringContaining('must be string'),
    });
    for (const step of [1, 2]) expect((await contextOf(gateway.client, runId, step)).contextAt.isExact).toBe(true);
  });

  test('has two repairs as well', async () => {
    const { gateway } = await startLocal(['{}', '{}', '{}', paris]);
    const run = await resultOf(gateway, { sessionKey: 'k', text: 'Where?' });
    expect(run).toMatchObject({ state: 'FAILED', steps: 3, error: { code: 'RESULT_INVALID' } });
  });

  test('is asked in words for a result that is no object', async () => {
    const { provider, gateway } = await startLocal(['One.', '[1]']);
    const run = await resultOf(gateway, { sessionKey: 'k', text: 'Count.', outputSchema: { type: 'array' } });
    expect(run).toMatchObject({ state: 'DONE', steps: 2, result: [1] });
    expect(bodyOf(provider.requests[0]).response_format).toBeUndefined();
  });
});

test('a schema that is no schema is refused, and nothing is recorded', async () => {
  const { client, gateway } = await startTestGateway();
  const refusals: [unknown, string][] = [
    ['text', 'must be a JSON Schema: an object'],
    [[], 'must be a JSON Schema: an object'],
    [{ type: 'strnig' }, 'is not a JSON Schema that the gateway can check'],
    [{ properties: 5 }, 'is not a JSON Schema that the gateway can check'],
    [{ $ref: 'https://example.com/schema' }, "can't resolve reference"],
    [{ description: 'x'.repeat(40_000) }, 'must not be longer than 32768 bytes as JSON'],
  ];
  for (const [outputSchema, problem] of refusals) {
    const input = { sessionKey: 'k', text: 'x', outputSchema };
    const { sendMessage } = await client.send(SendMessageDocument, { input });
    expect(sendMessage).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: ['outputSchema'], message: expect.stringContaining(problem) }],
    });
  }
  const steered = { sessionKey: 'k', text: 'x', outputSchema: city, whenBusy: 'STEER' as const };
  expect((await client.send(SendMessageDocument, { input: steered })).sendMessage).toMatchObject({
    issues: [{ path: ['outputSchema'] }],
  });
  await expect(createAgent(client, { name: 'a', instructions: '', outputSchema: { type: 1 } })).rejects.toThrow(
    'outputSchema',
  );
  expect(await gateway.parts.database.reader.session.count()).toBe(0);
});
