import { visibleOwner } from '../../application/approval/approval-access.ts';
import type { ApprovalScope as Scope, ApprovalStatus as Status } from '../../domain/events.ts';
import { storableText } from '../../domain/storable-text.ts';
import { type ApprovalRow, countApprovals, pageApprovals } from '../../projections/approvals.ts';
import { builder } from '../builder.ts';
import { connectionArguments, defineCountedConnection, defineEdge } from '../connection/connections.ts';
import { connectionOfRows, type Edge, pageArguments } from '../connection/paging.ts';
import { withCount } from '../connection/total-count.ts';
import { Node } from '../node.ts';
import { ApprovalType, GrantType, RunType } from '../object-types.ts';
import { notFoundError } from '../public-errors.ts';

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
  interfaces: [Node],
  fields: (t) => ({
    run: t.field({
      type: RunType,
      nullable: true,
      description:
        'The run that made the call; null for an approver who may settle the approval but not see the run. `runId` and `startedBy` are never null.',
      resolve: ({ runId }, _args, { loaders }) => loaders.run.load(runId),
    }),
    runId: t.exposeID('runId', { description: 'Id of the run that made the call.' }),
    startedBy: t.string({
      description: 'The principal who started that run.',
      resolve: async ({ sessionId }, _args, { loaders }) => {
        const owner = await loaders.owner.load(sessionId);
        if (owner === null) throw notFoundError('session', sessionId);
        return owner;
      },
    }),
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
    requestedAt: t.expose('requestedAt', { type: 'DateTime', description: 'When it was requested.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it expires if nobody decides.' }),
    grant: t.field({
      type: GrantType,
      nullable: true,
      description:
        'The grant that was given with the decision; null if there is none, and after it was revoked or its tool changed. The viewer sees grants of its sessions, and those that it gave.',
      resolve: ({ grantId }, _args, { loaders }) => (grantId === null ? null : loaders.grant.load(grantId)),
    }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was settled; null while PENDING.',
    }),
    decidedBy: t.exposeString('decidedBy', {
      nullable: true,
      description: 'The principal who decided; null unless ALLOWED or DENIED.',
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Reason given by the approver; null if none was given.',
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
