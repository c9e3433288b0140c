import { contextAt } from '../../application/run/context-at.ts';
import type { RunError as RunFailure } from '../../domain/events.ts';
import type { RunStatus } from '../../domain/transitions.ts';
import type { RunRow } from '../../projections/runs.ts';
import { AgentType } from '../agent/agent.ts';
import { ApprovalType } from '../approval/approval.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineConnection, defineEdge } from '../connection/connections.ts';
import { Node } from '../node.ts';
import { present } from '../public-errors.ts';
import { SessionType } from '../session/session.ts';
import { typesArgument } from '../tape/tape-event.ts';
import { TapeConnection, tapePage } from '../tape/tape-page.ts';
import { RunContext } from './run-context.ts';
import { isRunErrorCode, RunError } from './run-error.ts';
import { Usage } from './usage.ts';

const states = {
  PENDING: { description: 'Recorded; waits its turn or a free executor.' },
  IN_PROGRESS: { description: 'At work.' },
  AWAITING_APPROVAL: { description: 'Waits for a person to decide on a tool call.' },
  DONE: { description: 'Ended with an answer.' },
  CANCELLED: { description: 'Ended because somebody wanted it to.' },
  FAILED: { description: 'Ended with an error.' },
} as const satisfies Record<RunStatus, { description: string }>;

export const RunState = builder.enumType('RunState', { description: 'How far a run has come.', values: states });

export const RunType = builder.objectRef<RunRow>('Run');

RunType.implement({
  description: 'What one message set off: model calls and tool calls until there is an answer.',
  interfaces: [Node],
  fields: (t) => ({
    state: t.expose('state', { type: RunState, description: 'How far it has come.' }),
    input: t.exposeString('input', { description: 'Text of the message that began it.' }),
    output: t.exposeString('output', { nullable: true, description: 'The final answer; null until there is one.' }),
    error: t.field({
      type: RunError,
      nullable: true,
      description: 'Why it failed; null unless FAILED.',
      resolve: failureOf,
    }),
    cancelReason: t.exposeString('cancelReason', {
      nullable: true,
      description: 'What whoever cancelled it said; null unless CANCELLED with a reason.',
    }),
    model: t.exposeString('model', {
      nullable: true,
      description: 'The model that was asked for, or else the one that its first step used; null before that.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When its message was recorded.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When work on it began; null while it waits.',
    }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true, description: 'When it ended; null before that.' }),
    steps: t.exposeInt('steps', { description: 'Model calls made so far.' }),
    resumptions: t.exposeInt('resumptions', {
      description: 'How many times it was taken up again after its executor was lost.',
    }),
    usage: t.field({
      type: Usage,
      description: 'What its model calls used.',
      resolve: ({ usageEstimated: estimated, ...run }) => ({ ...run, estimated }),
    }),
  }),
});

function failureOf({ errorCode, errorMessage, errorRetryable }: RunRow): RunFailure | null {
  if (errorCode === null) return null;
  const code = isRunErrorCode(errorCode) ? errorCode : 'INTERNAL';
  return { code, message: errorMessage ?? '', retryable: errorRetryable ?? false };
}

/** What it leads to. */
builder.objectFields(RunType, (t) => ({
  session: t.field({
    type: SessionType,
    description: 'The conversation that it belongs to.',
    resolve: ({ sessionId: id }, _args, { loaders }) => present(loaders.session.load(id), 'session', id),
  }),
  agent: t.field({
    type: AgentType,
    nullable: true,
    description:
      'The agent that it was made with; before its first step the one that its message named. Null where there is none, or where it was deleted.',
    resolve: ({ agentId }, _args, { loaders }) => (agentId === null ? null : loaders.agent.load(agentId)),
  }),
  agentVersion: t.exposeInt('agentVersion', {
    nullable: true,
    description: 'The version of the agent that it was made with; null before its first step, and without an agent.',
  }),
  contextAt: t.field({
    type: RunContext,
    nullable: true,
    description:
      'What the model was shown for a step, made anew from the tapes and held against the hash that was recorded then. Null where there was no such step.',
    args: { step: t.arg.int({ required: true, description: 'Which model call: 1, 2, 3, …' }) },
    resolve: ({ id }, { step }, { commands, viewer }) => contextAt(commands, viewer, id, step),
  }),
  retryOf: t.field({
    type: RunType,
    nullable: true,
    description: 'The run that it repeats.',
    resolve: ({ retryOf }, _args, { loaders }) => (retryOf === null ? null : loaders.run.load(retryOf)),
  }),
  head: t.int({
    description: 'Seq of its newest event; the first is 1.',
    resolve: ({ id }, _args, { loaders }) => loaders.head.load(id),
  }),
  tape: t.field({
    type: TapeConnection,
    description: 'Everything that happened in it, in order. Its cursors are those of the events.',
    args: { ...connectionArguments, types: typesArgument },
    resolve: ({ id }, args, context) => tapePage(context, id, args),
  }),
  pendingApprovals: t.field({
    type: [ApprovalType],
    description: 'Tool calls of it that wait for a person, oldest first.',
    resolve: ({ id }, _args, { loaders }) => loaders.pendingApprovals.load(id),
  }),
}));

const RunEdge = defineEdge('Run', 'runs', RunType);

export const RunConnection = defineConnection('Run', 'runs', RunType, RunEdge);
