import type { ResultOf } from '@graphql-typed-document-node/core';
import type { TestClient } from '../client.ts';
import {
  AnswerQuestionDocument,
  DecideApprovalDocument,
  DecideBudgetDocument,
  SubmitToolResultDocument,
  WaitsDocument,
} from '../generated/graphql.ts';
import type { Observations, Settlement } from './observations.ts';

type OpenWait = ResultOf<typeof WaitsDocument>['waits']['edges'][number]['node'];
type WaitOf<Name extends OpenWait['__typename']> = Extract<OpenWait, { __typename: Name }>;

/** Settles one wait at random. Null if somebody else was faster. */
type Settle<Name extends OpenWait['__typename']> = (
  client: TestClient,
  wait: WaitOf<Name>,
  random: () => number,
) => Promise<Settlement | null>;

const decideApproval: Settle<'Approval'> = async (client, { id: approvalId }, random) => {
  const decision = random() < 0.7 ? 'ALLOW' : 'DENY';
  const { decideApproval: outcome } = await client.send(DecideApprovalDocument, { input: { approvalId, decision } });
  if (outcome.__typename !== 'DecideApprovalSuccess') return null;
  return { outcome: decision === 'ALLOW' ? 'ALLOWED' : 'DENIED', value: null };
};

const answerQuestion: Settle<'Question'> = async (client, { id: questionId, answerSchema }, random) => {
  const isForm = typeof answerSchema === 'object' && answerSchema !== null && 'required' in answerSchema;
  const answer = isForm ? { size: random() < 0.5 ? 'S' : 'M' } : `answer ${random()}`;
  const choice = random();
  const action = choice < 0.7 ? 'ANSWER' : choice < 0.85 ? 'DECLINE' : 'CANCEL';
  const input = { questionId, action, ...(action === 'ANSWER' ? { answer } : {}) } as const;
  const { answerQuestion: outcome } = await client.send(AnswerQuestionDocument, { input });
  if (outcome.__typename !== 'AnswerQuestionSuccess') return null;
  const outcomes = { ANSWER: 'ANSWERED', DECLINE: 'DECLINED', CANCEL: 'CANCELLED' } as const;
  return { outcome: outcomes[action], value: action === 'ANSWER' ? JSON.stringify(answer) : null };
};

const submitToolResult: Settle<'ClientToolCall'> = async (client, { id: clientToolCallId }, random) => {
  const text = `result ${random()}`;
  const isOk = random() < 0.8;
  const input = { clientToolCallId, ...(isOk ? { output: text } : { error: text }) };
  const { submitToolResult: outcome } = await client.send(SubmitToolResultDocument, { input });
  if (outcome.__typename !== 'SubmitToolResultSuccess') return null;
  return { outcome: isOk ? 'COMPLETED' : 'FAILED', value: JSON.stringify(text) };
};

const decideBudget: Settle<'BudgetRequest'> = async (client, { id: budgetRequestId }, random) => {
  const decision = random() < 0.7 ? 'ALLOW' : 'DENY';
  const { decideBudget: outcome } = await client.send(DecideBudgetDocument, { input: { budgetRequestId, decision } });
  if (outcome.__typename !== 'DecideBudgetSuccess') return null;
  return { outcome: decision === 'ALLOW' ? 'ALLOWED' : 'DENIED', value: null };
};

/** A new kind of wait is a new case. */
function settle(client: TestClient, wait: OpenWait, random: () => number): Promise<Settlement | null> {
  switch (wait.__typename) {
    case 'Approval':
      return decideApproval(client, wait, random);
    case 'BudgetRequest':
      return decideBudget(client, wait, random);
    case 'Question':
      return answerQuestion(client, wait, random);
    case 'ClientToolCall':
      return submitToolResult(client, wait, random);
    default:
      return wait satisfies never;
  }
}

/** Settles open waits of every kind, each by two deciders at the same time. Repeating what is recorded succeeds as well. */
export async function settleSome(client: TestClient, observations: Observations, random: () => number): Promise<void> {
  const { waits } = await client.send(WaitsDocument, { first: 20, filter: { states: ['OPEN'] } });
  for (const { node } of waits.edges) {
    const settlements = await Promise.allSettled([settle(client, node, random), settle(client, node, random)]);
    for (const settlement of settlements) {
      if (settlement.status === 'rejected') throw settlement.reason;
      if (settlement.value === null) continue;
      const earlier = observations.settled.get(node.id);
      if (earlier && JSON.stringify(earlier) !== JSON.stringify(settlement.value)) {
        observations.problems.push(`${node.id}: settled twice, as ${earlier.outcome} and ${settlement.value.outcome}`);
      }
      observations.settled.set(node.id, settlement.value);
    }
  }
}
