import { visibleOwner } from '../../application/approval/approval-access.ts';
import { storableText } from '../../domain/storable-text.ts';
import { pageApprovals } from '../../projections/approvals.ts';
import { builder } from '../builder.ts';
import { connectionArguments } from '../connection/connections.ts';
import { connectionOfRows, pageArguments } from '../connection/paging.ts';
import { ApprovalConnection, ApprovalStatus, ApprovalType } from './approval.ts';

const ApprovalFilter = builder.inputType('ApprovalFilter', {
  description: 'Which approvals a list shows; all conditions hold together.',
  fields: (t) => ({
    statuses: t.field({ type: [ApprovalStatus], description: 'Only approvals of which one of these became.' }),
    sessionId: t.id({ description: 'Only approvals of this session.' }),
    tool: t.string({ description: 'Only approvals of this tool.' }),
  }),
});

builder.queryFields((t) => ({
  approval: t.field({
    type: ApprovalType,
    nullable: true,
    description: 'One approval; null where there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'Id of the approval.' }) },
    resolve: (_root, { id }, { loaders }) => loaders.approval.load(id),
  }),
  approvals: t.field({
    type: ApprovalConnection,
    description: 'Approvals of all sessions, newest first; with the scope `approve:any` those of everybody.',
    args: {
      ...connectionArguments,
      filter: t.arg({ type: ApprovalFilter, description: 'Which approvals; all of them without it.' }),
    },
    resolve: async (_root, { filter, ...args }, { commands, viewer }) => {
      const query = {
        owner: visibleOwner(viewer),
        statuses: filter?.statuses ?? undefined,
        sessionId: filter?.sessionId == null ? undefined : storableText(filter.sessionId),
        tool: filter?.tool == null ? undefined : storableText(filter.tool),
      };
      return connectionOfRows(await pageApprovals(commands.database.reader, query, pageArguments('approval', args)));
    },
  }),
}));
