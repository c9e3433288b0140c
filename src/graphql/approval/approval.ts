import { visibleOwner } from '../../application/approval/approval-access.ts';
import type { ApprovalScope as Scope, ApprovalStatus as Status } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type ApprovalRow, countApprovals, pageApprovals } from '../../projections/approvals.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineCountedConnection, defineEdge } from '../connection/connections.ts';
import { connectionOfRows, type Edge, pageArguments } from '../connection/paging.ts';
import { withCount } from '../connection/total-count.ts';
import { Node } from '../node.ts';
import { ApprovalType, GrantType } from '../object-types.ts';
import { Wait } from '../wait/wait-interface.ts';

export const ApprovalStatus = builder.enumType('ApprovalStatus', {
  description: 'State of an approval. All values but PENDING are final.',
  values: {
    PENDING: { description: 'Waits for a decision.' },
    ALLOWED: { description: 'A person allowed the call.' },
    DENIED: { description: 'A person denied the call.' },
    EXPIRED: { description: 'It expired without a decision.' },
    WITHDRAWN: { description: "Nobody decided: the run ended, or the tool's definition changed." },
  } as const satisfies Record<Status, { description: string }>,
});

export const ApprovalScope = builder.enumType('ApprovalScope', {
  description: 'Which calls a decision to allow covers.',
  values: {
    ONCE: { description: 'This call only.' },
    SESSION: {
      description: 'All calls of this tool for the rest of the session, as long as its definition stays the same.',
    },
    TIMEBOXED: {
      description: 'All calls of this tool in this session until a time, as long as its definition stays the same.',
    },
  } as const satisfies Record<Scope, { description: string }>,
});

ApprovalType.implement({
  description: 'A request for a person to allow or deny one tool call.',
  interfaces: [Node, Wait],
  fields: (t) => ({
    editedInput: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Input that the approver set instead; null if it was not edited.',
      resolve: ({ editedInput }) => (editedInput === null ? null : JSON.parse(editedInput)),
    }),
    status: t.expose('status', { type: ApprovalStatus, description: 'Its current state.' }),
    scope: t.expose('scope', {
      type: ApprovalScope,
      nullable: true,
      description: 'Which calls the decision covers; null unless ALLOWED.',
    }),
    grant: t.field({
      type: GrantType,
      nullable: true,
      description:
        'The grant that was given with the decision; null if there is none, and after it was revoked or its tool changed. The viewer sees grants of its sessions, and those that it gave.',
      resolve: ({ grantId }, _args, { loaders }) => (grantId === null ? null : loaders.grant.load(grantId)),
    }),
  }),
});

const ApprovalEdge = defineEdge('Approval', 'approvals', ApprovalType);

const ApprovalConnection = defineCountedConnection('Approval', 'approvals', ApprovalType, ApprovalEdge);

const ApprovalFilter = builder.inputType('ApprovalFilter', {
  description: 'Selects approvals of a list. An approval must meet all conditions that are given.',
  fields: (t) => ({
    statuses: t.field({ type: [ApprovalStatus], description: 'Only approvals in one of these states.' }),
    sessionId: t.id({ description: 'Only approvals of this session.' }),
    tool: t.string({ description: 'Only approvals of this tool, by name.' }),
  }),
});

builder.queryFields((t) => ({
  approval: t.field({
    type: ApprovalType,
    nullable: true,
    description:
      'One approval of the viewer, or of any principal with the scope `approve:any`; null if there is none with this id.',
    args: { id: t.arg.id({ required: true, description: 'Id of the approval.' }) },
    resolve: (_root, { id }, { loaders }) => loaders.approval.load(id),
  }),
  approvals: t.field({
    type: ApprovalConnection,
    description:
      "The viewer's approvals of all sessions, newest first. With the scope `approve:any`, the approvals of all principals.",
    args: {
      ...connectionArguments,
      filter: t.arg({ type: ApprovalFilter, description: 'Which approvals to list; all if omitted.' }),
    },
    resolve: async (_root, { filter, ...args }, { commands, viewer }) => {
      const query = {
        owner: visibleOwner(viewer),
        statuses: filter?.statuses ?? undefined,
        sessionId: filter?.sessionId == null ? undefined : storableText(filter.sessionId),
        tool: filter?.tool == null ? undefined : storableText(filter.tool),
      };
      const { database, settings } = commands;
      const page = await pageApprovals(database.reader, query, pageArguments('approval', args));
      return withCount<Edge<ApprovalRow>>(settings.countedItems, (maximum) => countApprovals(database, query, maximum))(
        connectionOfRows(page),
      );
    },
  }),
}));
