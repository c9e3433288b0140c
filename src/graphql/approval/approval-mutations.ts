import { type DecidedApproval, decideApproval } from '../../application/approval/decide-approval.ts';
import { builder } from '../builder.ts';
import { loadRequired } from '../loaders.ts';
import { ApprovalType, RunType } from '../object-types.ts';
import { defineResult, perform } from '../refusals.ts';
import { ApprovalScope } from './approval.ts';

export const ApprovalVerdict = builder.enumType('ApprovalVerdict', {
  description: 'Decision about a tool call or a budget request.',
  values: {
    ALLOW: { description: 'The tool runs, or the run may use more than its budget.' },
    DENY: { description: 'The tool does not run, and the model is told so; or the run fails with BUDGET.' },
  },
});

const DecideApprovalInput = builder.inputType('DecideApprovalInput', {
  description: 'A decision on an approval.',
  fields: (t) => ({
    approvalId: t.id({ required: true, description: 'Id of the approval.' }),
    decision: t.field({ type: ApprovalVerdict, required: true, description: 'Whether the tool may run.' }),
    scope: t.field({
      type: ApprovalScope,
      defaultValue: 'ONCE',
      description: 'With ALLOW: which calls the decision covers.',
    }),
    bindToTarget: t.boolean({
      defaultValue: false,
      description:
        'With SESSION or TIMEBOXED: the grant covers this target only, for `http_fetch` the method and the origin. Refused for a tool without targets.',
    }),
    expiresInSeconds: t.int({
      description: 'How long the tool may run without a new approval. Required with TIMEBOXED, not allowed otherwise.',
    }),
    editedInput: t.field({
      type: 'JSON',
      description:
        "With ALLOW: input to run the tool with instead. It is checked against the tool's schema; the tape keeps both inputs. If `approvals.separateApprover` is set, it needs the scope `write` as well.",
    }),
    reason: t.string({ description: 'Reason for the decision. With DENY, it is shown to the model.' }),
  }),
});

const DecideApprovalSuccess = builder.objectRef<DecidedApproval>('DecideApprovalSuccess').implement({
  description: 'The approval is settled as decided.',
  fields: (t) => ({
    approval: t.field({
      type: ApprovalType,
      description: 'The settled approval.',
      resolve: ({ approvalId }, _args, { loaders }) => loadRequired(loaders, 'approval', approvalId),
    }),
    run: t.field({
      type: RunType,
      nullable: true,
      description:
        'The run that made the call, which resumes once it waits for nothing else. Null for an approver who may not see the run.',
      resolve: ({ runId }, _args, { loaders }) => loaders.run.load(runId),
    }),
  }),
});

const DecideApprovalResult = defineResult('DecideApprovalResult', DecideApprovalSuccess, [
  'not-found',
  'invalid-input',
  'approval-settled',
]);

builder.mutationField('decideApproval', (t) =>
  t.field({
    type: DecideApprovalResult,
    description:
      'Settles an approval. The first decision wins; repeating the same decision succeeds. If the definition of the tool has changed since the approval was requested, allowing withdraws it, requests another one and answers ApprovalSettledError. If `approvals.separateApprover` is set in the configuration, the principal who started the run may only deny.',
    args: { input: t.arg({ type: DecideApprovalInput, required: true, description: 'The decision.' }) },
    resolve: (_root, { input }, context) => perform(context, decideApproval(context.commands, context.viewer, input)),
  }),
);
