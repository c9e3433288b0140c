import type { EventOf } from '../../domain/events.ts';
import { ApprovalStatus } from '../approval/approval.ts';
import { builder } from '../builder.ts';
import { PolicyEffect } from '../gateway/tool.ts';
import { loadRequired } from '../loaders.ts';
import { Node } from '../node.ts';
import { ApprovalType } from '../object-types.ts';
import { TapeEvent } from './tape-event.ts';

const CALL = 'Id of the tool call.';
const TOOL = 'Name of the tool.';

builder.objectRef<EventOf<'tool_call'>>('ToolCallEvent').implement({
  description: 'The model requests a tool call.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    step: t.int({
      description: 'Number of the model call that requested it.',
      resolve: ({ payload }) => payload.step,
    }),
    callId: t.id({
      description: 'Id of the tool call, which the events that follow refer to.',
      resolve: ({ payload }) => payload.callId,
    }),
    tool: t.string({ description: TOOL, resolve: ({ payload }) => payload.tool }),
    input: t.field({
      type: 'JSON',
      description:
        'Input of the call; credentials are replaced by placeholders. If the model did not write valid JSON, its text as a string.',
      resolve: ({ payload }) => payload.input,
    }),
  }),
});

builder.objectRef<EventOf<'tool_decision'>>('ToolDecisionEvent').implement({
  description: 'The decision of the policy about a tool call.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    effect: t.field({ type: PolicyEffect, description: 'The decision.', resolve: ({ payload }) => payload.effect }),
    reason: t.string({
      description: 'Why, in words for a person.',
      resolve: ({ payload }) => payload.reason,
    }),
    rule: t.string({
      nullable: true,
      description: 'Ids of the policy rules that decided, separated by commas; null if no rule applied.',
      resolve: ({ payload }) => payload.rule,
    }),
  }),
});

builder.objectRef<EventOf<'approval_request'>>('ApprovalRequestEvent').implement({
  description: 'A tool call waits for the decision of a person.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    approval: t.field({
      type: ApprovalType,
      description: 'The approval in its current state, which may be later than this event.',
      resolve: ({ payload }, _args, { loaders }) => loadRequired(loaders, 'approval', payload.approvalId),
    }),
  }),
});

builder.objectRef<EventOf<'approval_decision'>>('ApprovalDecisionEvent').implement({
  description: 'An approval was settled: decided, expired or withdrawn.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    approval: t.field({
      type: ApprovalType,
      description: 'The settled approval.',
      resolve: ({ payload }, _args, { loaders }) => loadRequired(loaders, 'approval', payload.approvalId),
    }),
    status: t.field({
      type: ApprovalStatus,
      description: 'State in which it was settled.',
      resolve: ({ payload }) => payload.status,
    }),
  }),
});

builder.objectRef<EventOf<'tool_start'>>('ToolStartEvent').implement({
  description:
    'A tool is about to be executed. Recorded before the execution, so that a crash cannot hide that it happened.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    tool: t.string({ description: TOOL, resolve: ({ payload }) => payload.tool }),
    attempt: t.int({
      description: 'Number of the execution; 1 for the first one of this call.',
      resolve: ({ payload }) => payload.attempt,
    }),
  }),
});

builder.objectRef<EventOf<'tool_progress'>>('ToolProgressEvent').implement({
  description:
    'Progress of a tool call, as the tool reports it. At most one event per second, with the latest report; at most 60 per execution, and none after the result.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    tool: t.string({ description: TOOL, resolve: ({ payload }) => payload.tool }),
    progress: t.float({
      description: 'Progress so far, in a unit that the tool chooses.',
      resolve: ({ payload }) => payload.progress,
    }),
    total: t.float({
      nullable: true,
      description: 'Value of `progress` at the end, in the same unit; null if the tool does not report it.',
      resolve: ({ payload }) => payload.total,
    }),
    message: t.string({
      nullable: true,
      description: 'What the tool is doing, truncated if it is long; null if the tool does not report it.',
      resolve: ({ payload }) => payload.message,
    }),
  }),
});

builder.objectRef<EventOf<'tool_result'>>('ToolResultEvent').implement({
  description: 'The result of a tool call, also of one that was not executed.',
  interfaces: [Node, TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    tool: t.string({ description: TOOL, resolve: ({ payload }) => payload.tool }),
    ok: t.boolean({ description: 'Whether the call succeeded.', resolve: ({ payload }) => payload.ok }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Output of the tool, truncated if it is very long; null unless `ok`.',
      resolve: ({ payload }) => payload.output,
    }),
    error: t.string({
      nullable: true,
      description: 'Why the call failed, as the model is told; null if `ok`.',
      resolve: ({ payload }) => payload.error,
    }),
    mayHaveRun: t.boolean({
      description:
        'Whether the call was interrupted, may have run, and is not repeated: a person declined, nobody decided, or policy denies it by now.',
      resolve: ({ payload }) => payload.mayHaveRun,
    }),
    durationMs: t.int({
      description: 'Duration of the execution in milliseconds.',
      resolve: ({ payload }) => payload.durationMilliseconds,
    }),
  }),
});
