import { describe, expect, test, vi } from 'vitest';
import type { TestClient } from '../../client.ts';
import {
  AnswerQuestionDocument,
  type AnswerQuestionInput,
  CancelRunDocument,
  NodeByIdDocument,
  OpenQuestionsDocument,
  ToolCallsDocument,
} from '../../generated/graphql.ts';
import { converse, follow, runById, send, transitionsOf, typesOf } from '../conversation.ts';
import { calling } from '../counted-tool.ts';
import { startTestGateway, until } from '../gateway.ts';

const file = { askPerson: true };
const colour = { prompt: 'Which colour?', choices: ['red', 'blue'] };

/** Sends a message whose run asks this, and waits until it waits for the answer. */
async function ask(client: TestClient, sessionKey: string, question: object = colour) {
  const { run } = await send(client, { sessionKey, text: calling(['ask_person', question]) });
  await until(async () => (await runById(client, run.id)).state === 'AWAITING_APPROVAL', 'the run waits');
  const { waits } = await client.send(OpenQuestionsDocument, {});
  const asked = waits.edges.map(({ node }) => node).find(({ runId }) => runId === run.id);
  if (asked?.__typename !== 'Question') throw new Error('There is no question.');
  return { runId: run.id, id: asked.id, asked };
}

type Reply = Omit<AnswerQuestionInput, 'questionId' | 'action'> & Partial<Pick<AnswerQuestionInput, 'action'>>;

const reply = async (client: TestClient, questionId: string, more: Reply) =>
  (await client.send(AnswerQuestionDocument, { input: { questionId, action: 'ANSWER', ...more } })).answerQuestion;

async function outputOf(client: TestClient, runId: string): Promise<string> {
  await follow(client, runId);
  return (await runById(client, runId)).output ?? '';
}

describe('B96: a question of the model', () => {
  test('takes an answer later, if its schema cannot be compiled now', async () => {
    const { client, gateway } = await startTestGateway({ file });
    const { runId, id } = await ask(client, 'later');
    const { schemaChecker } = gateway.parts.commands;
    const slow = vi.spyOn(schemaChecker, 'forParty').mockReturnValue(async () => {
      throw new Error('It could not be compiled within 500 ms.');
    });
    expect(await reply(client, id, { answer: 'red' })).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: ['answer'], message: 'cannot be checked now: It could not be compiled within 500 ms.' }],
    });
    slow.mockRestore();
    expect(await reply(client, id, { answer: 'red' })).toMatchObject({ __typename: 'AnswerQuestionSuccess' });
    expect(await outputOf(client, runId)).toContain('red');
  });

  test('suspends the run; the answer is checked, becomes the result, and is accepted once', async () => {
    const { client } = await startTestGateway({ file });
    const { runId, id, asked } = await ask(client, 'colour');
    const question = { prompt: 'Which colour?', answerSchema: { enum: ['red', 'blue'] }, source: 'builtin' };
    expect(asked).toMatchObject({
      ...question,
      kind: 'QUESTION',
      state: 'OPEN',
      answer: null,
      startedBy: 'ada',
      runId,
    });
    expect(asked.summary).toBe('Which colour?');
    expect((await client.send(NodeByIdDocument, { id })).node).toMatchObject({ __typename: 'Question', id });
    for (const bad of [{ answer: 'green' }, { answer: null }, {}, { answer: 'x'.repeat(40_000) }]) {
      expect(await reply(client, id, bad)).toMatchObject({
        __typename: 'InvalidInputError',
        issues: [{ path: ['answer'] }],
      });
    }
    expect(await reply(client, id, { action: 'DECLINE', answer: 'red' })).toMatchObject({
      __typename: 'InvalidInputError',
    });
    expect(await reply(client, id, { answer: 'blue' })).toMatchObject({
      __typename: 'AnswerQuestionSuccess',
      question: { state: 'SETTLED', outcome: 'ANSWERED', answer: 'blue', decidedBy: 'ada' },
      run: { id: runId },
    });
    expect(await reply(client, id, { answer: 'blue' })).toMatchObject({ __typename: 'AnswerQuestionSuccess' });
    for (const other of [{ answer: 'red' }, { action: 'DECLINE' }, { action: 'CANCEL' }] as const) {
      expect(await reply(client, id, other)).toMatchObject({
        __typename: 'WaitSettledError',
        wait: { id, outcome: 'ANSWERED', answer: 'blue' },
      });
    }
    expect(await outputOf(client, runId)).toContain('blue');
    const events = await follow(client, runId);
    expect(typesOf(events).join()).toContain('WAIT_REQUEST,STATUS,WAIT_SETTLED,TOOL_RESULT,STATUS');
    expect(transitionsOf(events).filter((each) => each === 'AWAITING_APPROVAL→IN_PROGRESS')).toHaveLength(1);
    const [call] = (await client.send(ToolCallsDocument, { runId })).run?.toolCalls ?? [];
    expect(call).toMatchObject({ tool: 'ask_person', state: 'SUCCEEDED', output: 'blue', waits: [{ id }] });
  });

  test('that is declined, cancelled, expired or withdrawn is told apart on the tape and for the model', async () => {
    const { client } = await startTestGateway({ file });
    const declined = await ask(client, 'declined');
    const refusal = { action: 'DECLINE', reason: 'It is private.' } as const;
    expect(await reply(client, declined.id, refusal)).toMatchObject({
      question: { outcome: 'DECLINED', answer: null, reason: 'It is private.' },
    });
    expect(await outputOf(client, declined.runId)).toContain(
      'The person declined to answer this question: It is private.',
    );
    const cancelled = await ask(client, 'cancelled');
    expect(await reply(client, cancelled.id, { action: 'CANCEL' })).toMatchObject({
      question: { outcome: 'CANCELLED' },
    });
    expect(await reply(client, cancelled.id, { action: 'CANCEL' })).toMatchObject({
      question: { outcome: 'CANCELLED' },
    });
    expect(await outputOf(client, cancelled.runId)).toContain('The person cancelled the question');
    const withdrawn = await ask(client, 'withdrawn');
    await client.send(CancelRunDocument, { input: { runId: withdrawn.runId } });
    expect(await reply(client, withdrawn.id, { answer: 'red' })).toMatchObject({ wait: { outcome: 'WITHDRAWN' } });
  });

  test('that nobody answers in time gives the model an error result, also where expired approvals fail their runs', async () => {
    const approvals = { expiresAfterSeconds: 1, onExpiry: 'fail' };
    const { client } = await startTestGateway({ file: { ...file, approvals } });
    const { run, events } = await converse(client, { sessionKey: 'late', text: calling(['ask_person', colour]) });
    expect(run).toMatchObject({
      state: 'DONE',
      output: expect.stringContaining('Nobody answered the question in time.'),
    });
    const settled = events.find((event) => event.__typename === 'WaitSettledEvent');
    expect(settled).toMatchObject({ outcome: 'EXPIRED', actor: 'SYSTEM' });
    const id = settled?.__typename === 'WaitSettledEvent' ? settled.wait.id : '';
    expect(await reply(client, id, { answer: 'red' })).toMatchObject({ wait: { state: 'EXPIRED', answer: null } });
  });

  test('null is an answer where the schema allows it, and a text where there is no schema', async () => {
    const { client } = await startTestGateway({ file });
    const schema = { type: ['object', 'null'], properties: { size: { type: 'integer' } } };
    const nullable = await ask(client, 'nullable', { prompt: 'Which size?', schema });
    expect(nullable.asked.answerSchema).toEqual(schema);
    expect(await reply(client, nullable.id, { answer: { size: 'L' } })).toMatchObject({
      __typename: 'InvalidInputError',
      message: expect.stringContaining('answer/size must be integer'),
    });
    expect(await reply(client, nullable.id, { answer: null })).toMatchObject({
      question: { outcome: 'ANSWERED', answer: null },
    });
    expect(await reply(client, nullable.id, { answer: null })).toMatchObject({ __typename: 'AnswerQuestionSuccess' });
    expect(await reply(client, nullable.id, { action: 'DECLINE' })).toMatchObject({ __typename: 'WaitSettledError' });
    expect(await outputOf(client, nullable.runId)).toContain('null');
    const free = await ask(client, 'free', { prompt: 'Why?' });
    expect(await reply(client, free.id, { answer: 5 })).toMatchObject({ __typename: 'InvalidInputError' });
    expect(await reply(client, free.id, { answer: 'Because.' })).toMatchObject({ question: { answer: 'Because.' } });
    expect(await outputOf(client, free.runId)).toContain('Because.');
  });

  test('B98: of a hundred different answers one is accepted, and a question survives a restart', async () => {
    const first = await startTestGateway({ file });
    const { runId, id } = await ask(first.client, 'many', { prompt: 'How many?', schema: { type: 'integer' } });
    const { client } = await first.restart();
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, index) => reply(client, id, { answer: index })));
    const names = outcomes.map(({ __typename }) => __typename);
    expect(names.filter((name) => name === 'AnswerQuestionSuccess')).toHaveLength(1);
    expect(names.filter((name) => name === 'WaitSettledError')).toHaveLength(99);
    const events = await follow(client, runId);
    expect(typesOf(events).filter((type) => type === 'WAIT_SETTLED')).toHaveLength(1);
    expect(transitionsOf(events).at(-1)).toBe('IN_PROGRESS→DONE');
  });

  test('B3: another principal neither sees nor answers it', async () => {
    const { client, clientOf } = await startTestGateway({ file });
    const { id } = await ask(client, 'own');
    const stranger = clientOf('bob');
    expect(await reply(stranger, id, { answer: 'red' })).toMatchObject({ __typename: 'NotFoundError', id });
    expect((await stranger.send(OpenQuestionsDocument, {})).waits.edges).toEqual([]);
    expect((await stranger.send(NodeByIdDocument, { id })).node).toBeNull();
  });

  test('that cannot be asked gets an error result; without `askPerson` there is no such tool', async () => {
    const { client } = await startTestGateway({ file });
    const broken = { prompt: 'What?', schema: { type: 'nothing' } };
    for (const [question, problem] of [
      [{ prompt: ' ' }, 'Invalid input'],
      [{ ...colour, schema: {} }, 'give either `choices` or `schema`, not both'],
      [broken, 'the schema of the answer cannot be used'],
    ] as const) {
      const sessionKey = JSON.stringify(question);
      const { run, events } = await converse(client, { sessionKey, text: calling(['ask_person', question]) });
      expect(run.output).toContain(problem);
      expect(typesOf(events)).not.toContain('WAIT_REQUEST');
    }
    const { client: without } = await startTestGateway();
    const { run } = await converse(without, { sessionKey: 'off', text: calling(['ask_person', colour]) });
    expect(run.output).toContain('There is no tool "ask_person"');
  });
});
