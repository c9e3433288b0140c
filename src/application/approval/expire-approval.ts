import { decide } from '../../domain/decide.ts';
import { type ApprovalRow, expiredApprovals } from '../../projections/approvals.ts';
import type { CommandContext } from '../command-context.ts';

/** Questions settled by one sweep; the next sweep takes the rest. */
const SWEPT = 100;

/** Records that nobody answered in time. A question that was answered meanwhile stays as it is. */
export async function expireApproval(
  { runStore: recorder, settings }: Pick<CommandContext, 'runStore' | 'settings'>,
  { id: approvalId, runId, sessionId }: ApprovalRow,
): Promise<void> {
  await recorder.record({
    runId,
    sessionId,
    epoch: null,
    decide: (run, now) => decide(run, { kind: 'expireApproval', approvalId, onExpiry: settings.onExpiry }, now),
  });
}

/** Settles questions that nobody answered in time; returns how many there were. */
export async function expireApprovals(context: CommandContext): Promise<number> {
  const overdue = await expiredApprovals(context.database.reader, new Date(context.now()), SWEPT);
  for (const approval of overdue) await expireApproval(context, approval);
  return overdue.length;
}
