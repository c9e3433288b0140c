import { type DecidedApproval, decideApproval } from '../../application/approval/decide-approval.ts';
import { type RevokedGrant, revokeGrant } from '../../application/approval/revoke-grant.ts';
import { builder } from '../builder.ts';
import { present } from '../public-errors.ts';
import { defineResult, perform } from '../refusals.ts';
import { RunType } from '../run/run.ts';
import { ApprovalScope, ApprovalType } from './approval.ts';

const ApprovalVerdict = builder.enumType('ApprovalVerdict', {
  description: 'What a person decides.',
  values: {
    ALLOW: { description: 'The tool runs.' },
    DENY: { description: 'The tool does not run, and the model is told so.' },
  },
});

const DecideApprovalInput = builder.inputType('DecideApprovalInput', {
  description: 'A decision on an approval.',
  fields: (t) => ({
    approvalId: t.id({ required: true, description: 'Which approval.' }),
    decision: t.field({ type: ApprovalVerdict, required: true, description: 'Whether the tool may run.' }),
    scope: t.field({ type: ApprovalScope, defaultValue: 'ONCE', description: 'With ALLOW: how far it reaches.' }),
    expiresInSeconds: t.int({ description: 'For how long the tool may run; needed with TIMEBOXED.' }),
    editedInput: t.field({
      type: 'JSON',
      description:
        "With ALLOW: run the tool with this input instead. Checked against the tool's schema; the tape keeps both.",
    }),
    reason: t.string({ description: 'Shown to the model when denied.' }),
  }),
});

const DecideApprovalSuccess = builder.objectRef<DecidedApproval>('DecideApprovalSuccess').implement({
  description: 'The approval is settled as decided.',
  fields: (t) => ({
    approval: t.field({
      type: ApprovalType,
      description: 'The approval as it is now.',
      resolve: ({ approvalId: id }, _args, { loaders }) => present(loaders.approval.load(id), 'approval', id),
    }),
    run: t.field({
      type: RunType,
      description:
        "The run that asked; it goes on when nothing else of it waits. Absent where it is somebody else's, although the decision holds.",
      resolve: ({ runId: id }, _args, { loaders }) => present(loaders.run.load(id), 'run', id),
    }),
  }),
});

const DecideApprovalResult = defineResult('DecideApprovalResult', DecideApprovalSuccess, [
  'not-found',
  'invalid-input',
  'approval-settled',
]);

const RevokeGrantInput = builder.inputType('RevokeGrantInput', {
  description: 'Which remembered approval to take back.',
  fields: (t) => ({ grantId: t.id({ required: true, description: 'Which grant.' }) }),
});

const RevokeGrantSuccess = builder.objectRef<RevokedGrant>('RevokeGrantSuccess').implement({
  description: 'From the next call on the tool asks again.',
  fields: (t) => ({ revokedGrantId: t.id({ description: 'The id that it had.', resolve: ({ grantId }) => grantId }) }),
});

const RevokeGrantResult = defineResult('RevokeGrantResult', RevokeGrantSuccess, ['not-found']);

builder.mutationFields((t) => ({
  decideApproval: t.field({
    type: DecideApprovalResult,
    description:
      'Settles an approval. The first decision wins; the same decision again is no error. Where `approvals.separateApprover` is set, who started the run may only deny.',
    args: { input: t.arg({ type: DecideApprovalInput, required: true, description: 'The decision.' }) },
    resolve: (_root, { input }, context) => perform(context, decideApproval(context.commands, context.viewer, input)),
  }),
  revokeGrant: t.field({
    type: RevokeGrantResult,
    description: 'Takes a remembered approval back.',
    args: { input: t.arg({ type: RevokeGrantInput, required: true, description: 'Which grant.' }) },
    resolve: (_root, { input }, context) => perform(context, revokeGrant(context.commands, context.viewer, input)),
  }),
}));
