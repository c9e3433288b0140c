import { contextAt } from '../../application/run/context-at.ts';
import type { RunError as Failure, RunErrorCode as FailureCode, Json } from '../../domain/events.ts';
import { readMetadata } from '../../domain/metadata.ts';
import { parseResult } from '../../domain/result.ts';
import type { RunStatus } from '../../domain/transitions.ts';
import { isApproval } from '../../projections/approvals.ts';
import type { RunRow } from '../../projections/runs.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineCountedConnection, defineEdge } from '../connection/connections.ts';
import type { GraphqlContext } from '../context.ts';
import { loadRequired } from '../loaders.ts';
import { Node } from '../node.ts';
import { AgentType, ApprovalType, RunType, SessionType } from '../object-types.ts';
import { typesArgument } from '../tape/tape-event.ts';
import { TapeConnection, tapePage } from '../tape/tape-page.ts';
import { RunContext } from './run-context.ts';
import { Usage } from './usage.ts';

export const RunState = builder.enumType('RunState', {
  description: 'State of a run. DONE, CANCELLED and FAILED are final.',
  values: {
    PENDING: { description: 'Recorded. Waits for its turn in the session, or for a free execution slot.' },
    IN_PROGRESS: { description: 'Is being executed.' },
    AWAITING_APPROVAL: { description: 'Waits for a person or a client; `pendingWaits` says what for.' },
    DONE: { description: 'Ended with an answer.' },
    CANCELLED: { description: 'Ended because it was cancelled.' },
    FAILED: { description: 'Ended with an error.' },
  } as const satisfies Record<RunStatus, { description: string }>,
});

const failureCodes = {
  MODEL_UNAVAILABLE: {
    description: 'The provider could not be reached, did not send an answer, or still failed after retries.',
  },
  MODEL_REFUSED: {
    description: 'The provider rejected the request or withheld the answer, or the model refused to answer.',
  },
  MODEL_AUTH: { description: 'The provider rejected the credentials.' },
  CONTEXT_OVERFLOW: { description: "What the model must be shown exceeds the model's context window." },
  STEP_LIMIT: { description: 'The run reached its limit of model calls.' },
  TOOL_LIMIT: { description: 'The run reached its limit of tool calls.' },
  DEADLINE: { description: 'The run reached its limit of execution time, which does not count waiting for people.' },
  BUDGET: { description: 'The run reached its limit of tokens or cost.' },
  APPROVAL_TIMEOUT: { description: 'An approval expired without a decision.' },
  RESUME_LIMIT: { description: 'The run lost its executor too many times in a row without progress.' },
  RESULT_INVALID: { description: 'The answer does not fit the output schema, also after attempts to repair it.' },
  INTERNAL: { description: 'An unexpected error; the log of the server has details.' },
} as const satisfies Record<FailureCode, { description: string }>;

export const RunErrorCode = builder.enumType('RunErrorCode', {
  description: 'Why a run failed.',
  values: failureCodes,
});

export const RunError = builder.objectRef<Failure>('RunError').implement({
  description: 'The error with which a run failed.',
  fields: (t) => ({
    code: t.expose('code', { type: RunErrorCode, description: 'The reason, for programs.' }),
    message: t.exposeString('message', { description: 'The reason, in words for a person.' }),
    retryable: t.exposeBoolean('retryable', { description: 'Whether sending the message again may succeed.' }),
  }),
});

RunType.implement({
  description: 'The work caused by one message: model calls and tool calls until there is an answer.',
  interfaces: [Node],
  fields: (t) => ({
    state: t.expose('state', { type: RunState, description: 'Its current state.' }),
    input: t.exposeString('input', { description: 'Text of the message that started it.' }),
    output: t.string({
      nullable: true,
      description: 'The final answer; null until there is one.',
      resolve: (run, _args, { loaders }) => outputOf(run, loaders),
    }),
    result: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The answer as JSON, if the message or its agent gave an output schema; null until DONE.',
      resolve: resultOf,
    }),
    finishReason: t.exposeString('finishReason', {
      nullable: true,
      description:
        'Why its last model call stopped, as the provider reports it, or `gateway-limit` if the gateway cut off the answer at `limits.answerBytes`; null before the first model call has answered.',
    }),
    error: t.field({
      type: RunError,
      nullable: true,
      description: 'Why it failed; null unless FAILED.',
      resolve: failureOf,
    }),
    cancelReason: t.exposeString('cancelReason', {
      nullable: true,
      description: 'The reason given when it was cancelled; null if it was not cancelled or no reason was given.',
    }),
    model: t.exposeString('model', {
      nullable: true,
      description:
        'Name of the model that the message requested, otherwise of the model that its first step used; null until then.',
    }),
    metadata: t.field({
      type: 'JSON',
      description: 'Metadata of the message that started it, an object of strings; empty if it has none.',
      resolve: ({ metadata }) => readMetadata(metadata),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When its message was recorded.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its execution started; null until then.',
    }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true, description: 'When it ended; null until then.' }),
    steps: t.exposeInt('steps', { description: 'Number of model calls made so far.' }),
    resumptions: t.exposeInt('resumptions', {
      description: 'How many times it was resumed after its executor was lost.',
    }),
    usage: t.field({
      type: Usage,
      description: 'Total usage of its model calls.',
      resolve: ({ usageEstimated: estimated, ...run }) => ({ ...run, estimated }),
    }),
  }),
});

type Loaders = GraphqlContext['loaders'];

function outputOf({ output, outputTextId }: RunRow, { storedText }: Loaders): string | null | Promise<string | null> {
  return outputTextId === null ? output : storedText.load(outputTextId).then((text) => text ?? output);
}

async function resultOf(run: RunRow, _args: unknown, { loaders }: GraphqlContext): Promise<Json> {
  if (!run.hasResult) return null;
  const parsed = parseResult((await outputOf(run, loaders)) ?? '');
  return parsed.ok ? parsed.value : null;
}

function failureOf({ errorCode, errorMessage, errorRetryable }: RunRow): Failure | null {
  if (errorCode === null) return null;
  const code = isFailureCode(errorCode) ? errorCode : 'INTERNAL';
  return { code, message: errorMessage ?? '', retryable: errorRetryable ?? false };
}

const isFailureCode = (code: string): code is FailureCode => Object.hasOwn(failureCodes, code);

/** Fields that lead to other objects. */
builder.objectFields(RunType, (t) => ({
  session: t.field({
    type: SessionType,
    description: 'The session that it belongs to.',
    resolve: ({ sessionId }, _args, { loaders }) => loadRequired(loaders, 'session', sessionId),
  }),
  agent: t.field({
    type: AgentType,
    nullable: true,
    description:
      'The agent that it uses; before its first step, the agent that its message named. Null if there is none or it was deleted.',
    resolve: ({ agentId }, _args, { loaders }) => (agentId === null ? null : loaders.agent.load(agentId)),
  }),
  agentVersion: t.exposeInt('agentVersion', {
    nullable: true,
    description: 'Version of the agent that it uses; null before its first step, and without an agent.',
  }),
  contextAt: t.field({
    type: RunContext,
    nullable: true,
    description:
      'What the model was shown in one step, rebuilt from the tapes and compared with the recorded hash. Null if there was no such step.',
    args: { step: t.arg.int({ required: true, description: 'Number of the model call: 1, 2, 3, …' }) },
    async resolve({ id }, { step }, { commands, viewer, nextTurn }) {
      await nextTurn?.();
      return contextAt(commands, viewer, id, step);
    },
  }),
  retryOf: t.field({
    type: RunType,
    nullable: true,
    description: 'The run that it repeats; null if it is not a retry.',
    resolve: ({ retryOf }, _args, { loaders }) => (retryOf === null ? null : loaders.run.load(retryOf)),
  }),
  queuePosition: t.int({
    nullable: true,
    description:
      'While it is PENDING: how many runs of its session come first, the active one included. Null in any other state.',
    resolve: async ({ id, sessionId, state }, _args, { loaders }) =>
      // A run that starts between the two reads has none before it.
      state === 'PENDING' ? ((await loaders.queuePositions.load(sessionId)).get(id) ?? 0) : null,
  }),
  head: t.int({
    description: 'Seq of its newest event; the first event has seq 1.',
    resolve: ({ id }, _args, { loaders }) => loaders.head.load(id),
  }),
  tape: t.field({
    type: TapeConnection,
    description:
      'All its events, in the order in which they were recorded. The cursors are those of the events, so `runEvents` accepts them as well.',
    args: { ...connectionArguments, types: typesArgument },
    resolve: ({ id }, args, context) => tapePage(context, id, args),
  }),
  pendingApprovals: t.field({
    type: [ApprovalType],
    description: 'Its approvals that are PENDING, oldest first.',
    resolve: async ({ id }, _args, { loaders }) => (await loaders.openWaits.load(id)).filter(isApproval),
  }),
}));

const RunEdge = defineEdge('Run', 'runs', RunType);

export const RunConnection = defineCountedConnection('Run', 'runs', RunType, RunEdge);
