import type { EventOf } from '../../domain/events.ts';
import { ApprovalStatus, ApprovalType } from '../approval/approval.ts';
import { builder } from '../builder.ts';
import { PolicyEffect } from '../gateway/tool.ts';
import { present } from '../public-errors.ts';
import { TapeEvent } from './tape-event.ts';

const CALL = 'The tool call that it is about.';
const TOOL = 'Name of the tool.';

builder.objectRef<EventOf<'tool_call'>>('ToolCallEvent').implement({
  description: 'The model asks for a tool.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    step: t.int({ description: 'Which model call asked.', resolve: ({ payload }) => payload.step }),
    callId: t.id({
      description: 'Names this call in the events that follow.',
      resolve: ({ payload }) => payload.callId,
    }),
    tool: t.string({ description: TOOL, resolve: ({ payload }) => payload.tool }),
    input: t.field({
      type: 'JSON',
      description: 'What it is to be called with; the raw text where that could not be read.',
      resolve: ({ payload }) => payload.input,
    }),
  }),
});

builder.objectRef<EventOf<'tool_decision'>>('ToolDecisionEvent').implement({
  description: 'What policy says about a tool call.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    effect: t.field({ type: PolicyEffect, description: 'What happens.', resolve: ({ payload }) => payload.effect }),
    reason: t.string({ description: 'Why, in words for a person.', resolve: ({ payload }) => payload.reason }),
    rule: t.string({
      nullable: true,
      description: 'Ids of the policy rules that decided, with commas between; null where no rule says anything.',
      resolve: ({ payload }) => payload.rule,
    }),
  }),
});

builder.objectRef<EventOf<'approval_request'>>('ApprovalRequestEvent').implement({
  description: 'A person is asked about a tool call.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    approval: t.field({
      type: ApprovalType,
      description: 'The question, as it stands now.',
      resolve: ({ payload: { approvalId: id } }, _args, { loaders }) =>
        present(loaders.approval.load(id), 'approval', id),
    }),
  }),
});

builder.objectRef<EventOf<'approval_decision'>>('ApprovalDecisionEvent').implement({
  description: 'What became of a question to a person.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    approval: t.field({
      type: ApprovalType,
      description: 'The question.',
      resolve: ({ payload: { approvalId: id } }, _args, { loaders }) =>
        present(loaders.approval.load(id), 'approval', id),
    }),
    status: t.field({
      type: ApprovalStatus,
      description: 'What became of it.',
      resolve: ({ payload }) => payload.status,
    }),
  }),
});

builder.objectRef<EventOf<'tool_start'>>('ToolStartEvent').implement({
  description: 'Recorded before the tool is touched, so that a crash can never hide an execution.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    tool: t.string({ description: TOOL, resolve: ({ payload }) => payload.tool }),
    attempt: t.int({
      description: '1 for the first execution of this call.',
      resolve: ({ payload }) => payload.attempt,
    }),
  }),
});

builder.objectRef<EventOf<'tool_progress'>>('ToolProgressEvent').implement({
  description:
    'How far a tool says that it is with a call: at most one event a second with the newest that it said, 60 for one execution, and none behind its result.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    tool: t.string({ description: TOOL, resolve: ({ payload }) => payload.tool }),
    progress: t.float({
      description: 'How far it is, in a unit of its own.',
      resolve: ({ payload }) => payload.progress,
    }),
    total: t.float({
      nullable: true,
      description: 'Where it ends, in the same unit; null where the tool does not say.',
      resolve: ({ payload }) => payload.total,
    }),
    message: t.string({
      nullable: true,
      description: 'What it is doing, in its own words, cut where they are long; null where it does not say.',
      resolve: ({ payload }) => payload.message,
    }),
  }),
});

builder.objectRef<EventOf<'tool_result'>>('ToolResultEvent').implement({
  description: 'What came of a tool call, whether it was executed or not.',
  interfaces: [TapeEvent],
  fields: (t) => ({
    callId: t.id({ description: CALL, resolve: ({ payload }) => payload.callId }),
    tool: t.string({ description: TOOL, resolve: ({ payload }) => payload.tool }),
    ok: t.boolean({ description: 'Whether it did what it was asked to.', resolve: ({ payload }) => payload.ok }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What it gave back, cut where it is very long; null unless ok.',
      resolve: ({ payload }) => payload.output,
    }),
    error: t.string({
      nullable: true,
      description: 'What went wrong, as the model is told; null when ok.',
      resolve: ({ payload }) => payload.error,
    }),
    durationMs: t.int({
      description: 'How long it took, in milliseconds.',
      resolve: ({ payload }) => payload.durationMilliseconds,
    }),
  }),
});
