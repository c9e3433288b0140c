import { describe, expect, test } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  AnswerQuestionDocument,
  type AnswerQuestionInput,
  CancelRunDocument,
  OpenQuestionsDocument,
  ToolCallsDocument,
} from '../../generated/graphql.ts';
import { converse, decideNextApproval, follow, runById, send, transitionsOf, typesOf } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';
import { bundledServer } from './bundled-server.ts';
import { untilServer } from './mcp-programs.ts';

const entry = { command: process.execPath, args: [bundledServer('asking-server')], elicitation: true };

async function startAsking(more: { server?: object; file?: object; environment?: Record<string, string> } = {}) {
  const tools = { order: { risk: 'LOW' } };
  const file = { ...more.file, mcpServers: { shop: { ...entry, tools, ...more.server } } };
  const gateway = await startTestGateway({ file, environment: more.environment ?? {} });
  await untilServer(gateway.client, 'shop', 'READY');
  return gateway;
}

async function openQuestions(client: TestClient, runId: string) {
  const { waits } = await client.send(OpenQuestionsDocument, {});
  const questions = waits.edges.map(({ node }) => node).filter((node) => node.__typename === 'Question');
  return questions.filter((question) => question.runId === runId);
}

async function nextQuestion(client: TestClient, runId: string, earlier: readonly string[] = []) {
  const find = async () => (await openQuestions(client, runId)).find(({ id }) => !earlier.includes(id));
  return until(find, 'the tool asks');
}

/** Sends a message whose tools ask, and waits for a question. */
async function ask(client: TestClient, sessionKey: string, ...inputs: object[]) {
  const calls = (inputs.length > 0 ? inputs : [{}]).map((input): [string, unknown] => ['shop__ask', input]);
  const { run } = await send(client, { sessionKey, text: calling(...calls) });
  return { runId: run.id, asked: await nextQuestion(client, run.id) };
}

type Reply = Omit<AnswerQuestionInput, 'questionId' | 'action'> & Partial<Pick<AnswerQuestionInput, 'action'>>;

const reply = async (client: TestClient, questionId: string, more: Reply) =>
  (await client.send(AnswerQuestionDocument, { input: { questionId, action: 'ANSWER', ...more } })).answerQuestion;

/** What the server was replied, as the model is told. */
async function repliesOf(client: TestClient, runId: string): Promise<unknown[]> {
  await follow(client, runId);
  const [call] = (await client.send(ToolCallsDocument, { runId })).run?.toolCalls ?? [];
  expect(call?.error).toBeNull();
  return JSON.parse(String(call?.output)).replies;
}

const stateOf = async (client: TestClient, runId: string) => (await runById(client, runId)).state;

describe('B96: a question of an MCP server', () => {
  test('waits while its call runs; the answer is checked, reaches the server, and is accepted once', async () => {
    const { client, gateway } = await startAsking();
    const { runId, asked } = await ask(client, 'size');
    expect(asked).toMatchObject({
      kind: 'QUESTION',
      source: 'shop',
      prompt: 'Which size?',
      summary: 'The MCP server "shop" asks: Which size?',
      url: null,
      answerSchema: { type: 'object', required: ['size'], additionalProperties: false },
    });
    expect(await stateOf(client, runId)).toBe('AWAITING_APPROVAL');
    // It uses no slot, and other calls of the server are made meanwhile.
    expect(gateway.parts.orchestrator.activeCount()).toBe(0);
    const other = await converse(client, { sessionKey: 'other', text: calling(['shop__echo', { word: 'hello' }]) });
    expect(other.run.output).toContain('hello');
    const token = `ghp_${'a1B2c3D4e5F6g7H8i9J0'.repeat(2).slice(0, 36)}`;
    for (const answer of [{ size: 'XL' }, { size: 'S', more: 1 }, null, 'S', [], { size: token }]) {
      expect(await reply(client, asked.id, { answer })).toMatchObject({ __typename: 'InvalidInputError' });
    }
    expect(await reply(client, asked.id, { answer: { size: 'S' } })).toMatchObject({
      question: { outcome: 'ANSWERED' },
    });
    expect(await reply(client, asked.id, { answer: { size: 'S' } })).toMatchObject({
      question: { outcome: 'ANSWERED' },
    });
    expect(await reply(client, asked.id, { answer: { size: 'M' } })).toMatchObject({ __typename: 'WaitSettledError' });
    expect(await repliesOf(client, runId)).toEqual([{ action: 'accept', content: { size: 'S' } }]);
    const events = await follow(client, runId);
    expect(typesOf(events).join()).toContain('TOOL_START,WAIT_REQUEST,STATUS,WAIT_SETTLED,STATUS,TOOL_RESULT');
    const [call] = (await client.send(ToolCallsDocument, { runId })).run?.toolCalls ?? [];
    expect(call).toMatchObject({ state: 'SUCCEEDED', attempts: 1, waits: [{ id: asked.id }] });
  });

  test('that is declined, cancelled, expired or withdrawn is told apart on the tape, for the server and for the model', async () => {
    const { client } = await startAsking();
    const declined = await ask(client, 'declined');
    await reply(client, declined.asked.id, { action: 'DECLINE', reason: 'Too dear.' });
    expect(await repliesOf(client, declined.runId)).toEqual([
      { action: 'decline', _meta: { 'runtape/reason': 'Too dear.' } },
    ]);
    const cancelled = await ask(client, 'cancelled');
    await reply(client, cancelled.asked.id, { action: 'CANCEL' });
    expect(await repliesOf(client, cancelled.runId)).toEqual([{ action: 'cancel' }]);
    const withdrawn = await ask(client, 'withdrawn');
    await client.send(CancelRunDocument, { input: { runId: withdrawn.runId } });
    expect(await reply(client, withdrawn.asked.id, { answer: { size: 'S' } })).toMatchObject({
      wait: { outcome: 'WITHDRAWN' },
    });
    // The server itself stops waiting, and its tool goes on.
    const late = await converse(client, {
      sessionKey: 'late',
      text: calling(['shop__ask', { timeoutMilliseconds: 300 }]),
    });
    expect(late.run.output).toContain('Request timed out');
    const settled = late.events.find((event) => event.__typename === 'WaitSettledEvent');
    expect(settled).toMatchObject({
      outcome: 'WITHDRAWN',
      payload: { reason: expect.stringContaining('does not wait') },
    });
    expect(transitionsOf(late.events).slice(-2)).toEqual(['AWAITING_APPROVAL→IN_PROGRESS', 'IN_PROGRESS→DONE']);
  });

  test('that nobody answers in time is an error for the server, also where expired approvals fail their runs', async () => {
    const { client } = await startAsking({ file: { approvals: { expiresAfterSeconds: 1, onExpiry: 'fail' } } });
    const { run, events } = await converse(client, { sessionKey: 'late', text: calling(['shop__ask', {}]) });
    expect(run).toMatchObject({
      state: 'DONE',
      output: expect.stringContaining('Nobody answered the question in time.'),
    });
    expect(events.find((event) => event.__typename === 'WaitSettledEvent')).toMatchObject({ outcome: 'EXPIRED' });
  });

  test('with a link is answered with null; the link is canonical and never fetched', async () => {
    const { client } = await startAsking();
    const params = { mode: 'url', message: 'Log in.', elicitationId: '1', url: 'HTTP://BÜCHER.example:80/a b?x=1' };
    const { runId, asked } = await ask(client, 'link', { questions: [params] });
    const url = 'http://xn--bcher-kva.example/a%20b?x=1';
    expect(asked).toMatchObject({ url, prompt: 'Log in.', answerSchema: { type: 'null' } });
    expect(asked.summary).toContain(`asks to open ${url}`);
    expect(await reply(client, asked.id, { answer: true })).toMatchObject({ __typename: 'InvalidInputError' });
    expect(await reply(client, asked.id, { answer: null })).toMatchObject({ question: { outcome: 'ANSWERED' } });
    expect(await repliesOf(client, runId)).toEqual([{ action: 'accept' }]);
  });

  test('is asked for the links that a server requires before a call, which is made again afterwards', async () => {
    const { client } = await startAsking();
    const link = (id: string) => ({
      mode: 'url',
      message: `Log in ${id}.`,
      elicitationId: id,
      url: 'https://a.example/',
    });
    const input = { links: [link('1'), link('2')], refusals: 2, questions: [] };
    const { runId, asked } = await ask(client, 'required', input);
    expect(asked).toMatchObject({ source: 'shop', url: 'https://a.example/', prompt: 'Log in 1.' });
    const answered: string[] = [];
    // Two links, and both again: the first time the person had not finished.
    for (const prompt of ['Log in 1.', 'Log in 2.', 'Log in 1.', 'Log in 2.']) {
      const question = await nextQuestion(client, runId, answered);
      expect(question.prompt).toBe(prompt);
      await reply(client, question.id, { answer: null });
      answered.push(question.id);
    }
    expect(await repliesOf(client, runId)).toEqual([]);
    const events = await follow(client, runId);
    expect(typesOf(events).filter((type) => type === 'TOOL_RESULT')).toHaveLength(1);
    expect(typesOf(events).filter((type) => type === 'TOOL_START')).toHaveLength(1);
  });

  test('about a required link that is declined is an error for the model; no more are asked than a call may ask', async () => {
    const { client } = await startAsking();
    const links = [{ mode: 'url', message: 'Log in.', elicitationId: '1', url: 'https://a.example/' }];
    const errorOf = async (runId: string) => {
      await follow(client, runId);
      return (await client.send(ToolCallsDocument, { runId })).run?.toolCalls[0]?.error;
    };
    const declined = await ask(client, 'declined-link', { links, refusals: 1000 });
    await reply(client, declined.asked.id, { action: 'DECLINE', reason: 'Not there.' });
    expect(await errorOf(declined.runId)).toContain(
      'declined to open the link that the tool needs. Reason: Not there.',
    );
    const endless = await ask(client, 'endless-link', { links, refusals: 1000 });
    const answered: string[] = [];
    for (let count = 0; count < 16; count += 1) {
      const { id } = await nextQuestion(client, endless.runId, answered);
      await reply(client, id, { answer: null });
      answered.push(id);
    }
    expect(await errorOf(endless.runId)).toContain('A call can ask 16 questions');
    // Links that cannot be shown are the error of the server.
    const bad = await converse(client, {
      sessionKey: 'bad-link',
      text: calling(['shop__ask', { links: [{ ...links[0], url: 'javascript:alert(1)' }], refusals: 1000 }]),
    });
    expect(typesOf(bad.events)).not.toContain('WAIT_REQUEST');
    expect(bad.run.output).toContain('must begin with http');
  });

  test('that is malformed, too large or hostile is refused, and the call goes on', async () => {
    const { client } = await startAsking();
    const form = (properties: object) => ({ message: 'What?', requestedSchema: { type: 'object', properties } });
    const link = (url: string) => ({ mode: 'url', message: 'Open it.', elicitationId: '1', url });
    const questions = [
      { message: '', requestedSchema: { type: 'object', properties: {} } },
      { message: 'x'.repeat(5000), requestedSchema: { type: 'object', properties: {} } },
      form({ nested: { type: 'object', properties: {} } }),
      { message: 'Too many members.', members: 3000 },
      { message: 'A NUL character.', members: 1, nul: true },
      form({ a: { type: 'string', default: `ghp_${'a1B2c3D4e5F6g7H8i9J0'.repeat(2).slice(0, 36)}` } }),
      { message: 'No schema.' },
      link('file:///etc/passwd'),
      link('javascript:alert(1)'),
      link('https://user:secret@example.com/'),
      link(`https://example.com/${'x'.repeat(3000)}`),
    ];
    const { run, events } = await converse(client, { sessionKey: 'bad', text: calling(['shop__ask', { questions }]) });
    expect(typesOf(events)).not.toContain('WAIT_REQUEST');
    const replies: { error?: string }[] = JSON.parse(run.output?.slice(run.output.indexOf('{')) ?? '').replies;
    expect(replies).toHaveLength(questions.length);
    for (const { error } of replies) expect(error).toEqual(expect.any(String));
  });

  test('is one of several of a call: they are asked one after another, up to a limit', async () => {
    const { client } = await startAsking();
    const question = { message: 'Go on?', requestedSchema: { type: 'object', properties: {} } };
    const { run } = await send(client, {
      sessionKey: 'many',
      text: calling(['shop__ask', { questions: Array.from({ length: 18 }, () => question) }]),
    });
    const answered: string[] = [];
    for (let count = 0; count < 16; count += 1) {
      const { id } = await nextQuestion(client, run.id, answered);
      await reply(client, id, { answer: {} });
      answered.push(id);
    }
    const replies = await repliesOf(client, run.id);
    expect(replies.slice(0, 16)).toEqual(Array.from({ length: 16 }, () => ({ action: 'accept', content: {} })));
    expect(replies.slice(16)).toEqual([
      { error: expect.stringContaining('A call can ask 16 questions') },
      { error: expect.stringContaining('A call can ask 16 questions') },
    ]);
  });

  test('B99: of parallel calls and beside another question, each is settled for itself', async () => {
    const { client } = await startAsking({ file: { askPerson: true } });
    const text = calling(['shop__ask', {}], ['ask_person', { prompt: 'Why?' }], ['shop__ask', {}], ['shop__order', {}]);
    const { run } = await send(client, { sessionKey: 'several', text });
    const open = await until(async () => {
      const found = await openQuestions(client, run.id);
      return found.length === 3 && found;
    }, 'three questions are open');
    for (const { id, source } of open) {
      const answer = source === 'shop' ? { size: 'M' } : 'Because.';
      expect(await reply(client, id, { answer })).toMatchObject({ question: { outcome: 'ANSWERED' } });
    }
    const last = await nextQuestion(
      client,
      run.id,
      open.map(({ id }) => id),
    );
    await reply(client, last.id, { answer: { size: 'S' } });
    const events = await follow(client, run.id);
    expect(transitionsOf(events).at(-1)).toBe('IN_PROGRESS→DONE');
    const calls = (await client.send(ToolCallsDocument, { runId: run.id })).run?.toolCalls ?? [];
    expect(calls.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['SUCCEEDED', 1],
      ['SUCCEEDED', 0],
      ['SUCCEEDED', 1],
      ['SUCCEEDED', 1],
    ]);
  });

  test('B98: of a hundred concurrent replies one is accepted', async () => {
    const { client } = await startAsking();
    const { runId, asked } = await ask(client, 'race');
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        reply(
          client,
          asked.id,
          index % 2 === 0 ? { answer: { size: index % 4 ? 'S' : 'M' } } : { action: 'DECLINE', reason: `${index}` },
        ),
      ),
    );
    const accepted = outcomes.filter(({ __typename }) => __typename === 'AnswerQuestionSuccess');
    const refused = outcomes.filter(({ __typename }) => __typename === 'WaitSettledError');
    expect(accepted.length + refused.length).toBe(100);
    expect(accepted.length).toBeGreaterThan(0);
    const events = await follow(client, runId);
    expect(typesOf(events).filter((type) => type === 'WAIT_SETTLED')).toHaveLength(1);
    expect(typesOf(events).filter((type) => type === 'TOOL_RESULT')).toHaveLength(1);
  });

  test('B98: of a server that is stopped is withdrawn, says so, and is asked again; a call that is not idempotent needs an approval', async () => {
    const first = await startAsking();
    const { run: order } = await send(first.client, { sessionKey: 'order', text: calling(['shop__order', {}]) });
    await nextQuestion(first.client, order.id);
    const { runId, asked } = await ask(first.client, 'again');
    await first.gateway.close(60);
    const { client } = await first.restart();
    const again = await nextQuestion(client, runId, [asked.id]);
    expect(await reply(client, asked.id, { answer: { size: 'S' } })).toMatchObject({
      wait: { outcome: 'WITHDRAWN', reason: expect.stringContaining('asks again') },
    });
    await reply(client, again.id, { answer: { size: 'S' } });
    expect(await repliesOf(client, runId)).toEqual([{ action: 'accept', content: { size: 'S' } }]);
    await decideNextApproval(client, order.id, 'ALLOW');
    const repeated = await nextQuestion(client, order.id);
    await reply(client, repeated.id, { answer: { size: 'M' } });
    expect(await repliesOf(client, order.id)).toEqual([{ action: 'accept', content: { size: 'M' } }]);
  });

  test('of an MCP server that exits meanwhile fails the call', async () => {
    const { client } = await startAsking();
    const { runId, asked } = await ask(client, 'exit');
    await send(client, { sessionKey: 'other', text: calling(['shop__ask', { questions: [], exits: true }]) });
    await follow(client, runId);
    expect(await reply(client, asked.id, { answer: { size: 'S' } })).toMatchObject({ wait: { outcome: 'WITHDRAWN' } });
    const [call] = (await client.send(ToolCallsDocument, { runId })).run?.toolCalls ?? [];
    expect(call).toMatchObject({ state: 'FAILED', error: expect.stringContaining('lost during the call') });
  });
});

test('each owner has a connection of its own, and only a server that may ask is told that it can', async () => {
  const { client, clientOf } = await startAsking();
  const processOf = async (user: TestClient, sessionKey: string) => {
    const { run } = await converse(user, { sessionKey, text: calling(['shop__ask', { questions: [] }]) });
    return /"process":(\d+)/.exec(run.output?.replaceAll('\\', '') ?? '')?.[1];
  };
  const own = await processOf(client, 'one');
  expect(await processOf(client, 'two')).toBe(own);
  expect(await processOf(clientOf('bob'), 'three')).not.toBe(own);
  const off = await startAsking({ server: { elicitation: false } });
  const { run, events } = await converse(off.client, { sessionKey: 'off', text: calling(['shop__ask', {}]) });
  expect(run.output).toContain('Method not found');
  expect(typesOf(events)).not.toContain('WAIT_REQUEST');
});
