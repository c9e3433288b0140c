import { visibleOwner } from '../../application/approval/approval-access.ts';
import type { ApprovalRow } from '../../projections/approvals.ts';
import { flattenStream } from '../../streams/transformed-stream.ts';
import { builder } from '../builder.ts';
import { ApprovalType } from '../object-types.ts';
import { notFoundError } from '../public-errors.ts';
import { followApprovals } from './follow-approvals.ts';

const ApprovalEvent = builder.objectRef<{ approval: ApprovalRow }>('ApprovalEvent').implement({
  description: 'An approval that is pending, was requested, or was settled.',
  fields: (t) => ({
    approval: t.expose('approval', { type: ApprovalType, description: 'The approval in its state at that time.' }),
  }),
});

builder.subscriptionField('approvalEvents', (t) =>
  t.field({
    type: ApprovalEvent,
    description:
      'Every pending approval, then each approval when it is requested or settled. There is no cursor: pending approvals are sent again to a client that reconnects.',
    args: {
      sessionId: t.arg.id({ description: 'Only approvals of this session. Without it, approvals of all sessions.' }),
    },
    subscribe: async (_root, args, { commands, follow, loaders, viewer, signal }) => {
      const sessionId = args.sessionId ?? null;
      if (sessionId !== null && !(await loaders.session.load(sessionId))) throw notFoundError('session', sessionId);
      const approvals = followApprovals(
        { ...follow, reader: commands.database.reader },
        { owner: visibleOwner(viewer), sessionId, signal },
      );
      return flattenStream(approvals, (approval) => [{ approval }]);
    },
    resolve: (event) => event,
  }),
);
