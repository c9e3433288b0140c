import { decide } from '../../domain/decide.ts';
import { type ApprovalRow, expiredApprovals } from '../../projections/approvals.ts';
import type { CommandContext } from '../command-context.ts';

/** Approvals that one call expires. The next call takes the rest. */
const BATCH_SIZE = 100;

/** Records that an approval expired. One that was decided meanwhile stays as it is. */
export async function expireApproval(
  { runStore, settings }: Pick<CommandContext, 'runStore' | 'settings'>,
  { id: approvalId, runId, sessionId }: ApprovalRow,
): Promise<void> {
  await runStore.record({
    runId,
    sessionId,
    epoch: null,
    decide: (run, { now }) => decide(run, { kind: 'expireApproval', approvalId, onExpiry: settings.onExpiry }, now),
  });
}

/** Expires the approvals whose time is over. */
export async function expireApprovals(context: CommandContext): Promise<void> {
  const overdue = await expiredApprovals(context.database.reader, new Date(context.now()), BATCH_SIZE);
  for (const approval of overdue) await expireApproval(context, approval);
}
