import { visibleOwner } from '../../application/approval/approval-access.ts';
import type { ApprovalRow } from '../../projections/approvals.ts';
import { builder } from '../builder.ts';
import { eachOf, type SourceEvent } from '../execution/event-source.ts';
import { ApprovalType } from '../object-types.ts';
import { notFoundError } from '../public-errors.ts';
import { followApprovals } from './follow-approvals.ts';

const ApprovalEvent = builder.objectRef<{ approval: ApprovalRow }>('ApprovalEvent').implement({
  description: 'An approval is asked for or settled.',
  fields: (t) => ({ approval: t.expose('approval', { type: ApprovalType, description: 'The approval.' }) }),
});

builder.subscriptionField('approvalEvents', (t) =>
  t.field({
    type: ApprovalEvent,
    description: 'First every approval that is waiting now, then each one as it is asked for or settled.',
    args: { sessionId: t.arg.id({ description: 'Only approvals of this session; without it of all sessions.' }) },
    subscribe: async (_root, args, { commands, follow, loaders, viewer, signal }) => {
      const sessionId = args.sessionId ?? null;
      if (sessionId !== null && !(await loaders.session.load(sessionId))) throw notFoundError('session', sessionId);
      const approvals = followApprovals(
        { ...follow, reader: commands.database.reader, now: commands.now },
        { owner: visibleOwner(viewer), sessionId, signal },
      );
      // What waits is told again to whoever comes back, so there is no place to continue from.
      return eachOf(approvals, (approval): SourceEvent<{ approval: ApprovalRow }>[] => [
        { value: { approval }, cursor: null },
      ]);
    },
    resolve: ({ value }) => value,
  }),
);
