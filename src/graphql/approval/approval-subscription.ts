import { visibleOwner } from '../../application/approval/approval-access.ts';
import { FOLLOW_PAGE_EVENTS } from '../../config/limits.ts';
import { approvalsByIds, openApprovals } from '../../projections/approvals.ts';
import { activityBounds } from '../../repositories/activity.ts';
import { createLiveStream, inTurns, type LiveStream } from '../../streams/live-stream.ts';
import { followChanges, positionOf } from '../activity/feed-access.ts';
import { builder } from '../builder.ts';
import type { GraphqlContext } from '../context.ts';
import { ApprovalType } from '../object-types.ts';
import { notFoundError } from '../public-errors.ts';
import { type ApprovalChange, createApprovalSource } from './follow-approvals.ts';

const ApprovalEvent = builder.objectRef<ApprovalChange>('ApprovalEvent').implement({
  description: 'An approval that is pending, was requested, or was settled.',
  fields: (t) => ({
    approval: t.expose('approval', { type: ApprovalType, description: 'The approval in its state at that time.' }),
    cursor: t.exposeString('cursor', {
      description: 'Where to resume: pass it as `after` to receive only what has changed since.',
    }),
    caughtUp: t.exposeBoolean('caughtUp', {
      description:
        'True once: on the last approval of the snapshot that the subscription begins with, or, with `after`, on the last change that it had missed. If there was none of these, on the first change after it.',
    }),
  }),
});

/** Throws a CursorError if the cursor is no position in the feed, or older than the retention period. */
async function followApprovals(context: GraphqlContext, cursor: string | null, sessionId: string | null) {
  const { commands, follow, viewer, signal, activity } = context;
  const { database } = commands;
  const owner = visibleOwner(viewer);
  const startPosition = await activity.catchUp();
  const resumed = cursor === null ? null : await positionOf(context, cursor);
  const after = resumed?.position ?? startPosition;
  const isSnapshot = resumed === null || resumed.approvalId !== null;
  const source = createApprovalSource(
    {
      changes: followChanges(
        context,
        { kinds: ['WAIT_OPENED', 'WAIT_SETTLED'], sessionId },
        { after, startPosition, maxBatch: FOLLOW_PAGE_EVENTS },
      ),
      openApprovals: (afterId, limit) => openApprovals(database.reader, { owner, sessionId, afterId, limit }),
      approvalsByIds: (ids) => approvalsByIds(database.reader, owner, ids),
      newestPosition: async () => (await activityBounds(database)).newest,
    },
    isSnapshot ? { kind: 'snapshot', position: after, afterId: resumed?.approvalId ?? null } : { kind: 'changes' },
  );
  return createLiveStream(inTurns(source), { ...follow, signal });
}

builder.subscriptionField('approvalEvents', (t) =>
  t.field({
    type: ApprovalEvent,
    description:
      'Without `after`: every pending approval, then each approval when it is requested or settled. With `after`: only approvals that were requested or settled since, each in its state by now, then the new ones. If nothing is pending, nothing is sent before the first change. A cursor that is older than the retention period fails with the code CURSOR_EXPIRED.',
    args: {
      sessionId: t.arg.id({ description: 'Only approvals of this session. Without it, approvals of all sessions.' }),
      after: t.arg.string({
        description: 'Cursor of the last approval that the client has seen, or of the subscription `activity`.',
      }),
    },
    async subscribe(_root, args, context): Promise<LiveStream<ApprovalChange>> {
      const sessionId = args.sessionId ?? null;
      if (sessionId !== null && !(await context.loaders.session.load(sessionId))) {
        throw notFoundError('session', sessionId);
      }
      return followApprovals(context, context.lastEventId ?? args.after ?? null, sessionId);
    },
    resolve: (event) => event,
  }),
);
