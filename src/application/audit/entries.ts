import type { Refusal } from '../../domain/refusal.ts';
import type { CommandContext, Viewer } from '../command-context.ts';
import type { AuditEntry } from './audit-log.ts';

/** The entry for what a client decided or tried. */
export function entryOf<Event extends string>(
  { principal, from }: Viewer,
  event: Event,
  details: AuditEntry['details'],
): AuditEntry<Event> {
  return { event, principal, address: from?.address ?? null, rule: null, details };
}

/** Logs and counts a decision that was refused. */
export function reportRefusedDecision(
  { audit, logger }: Pick<CommandContext, 'audit' | 'logger'>,
  decision: AuditEntry,
  { kind }: Refusal,
): void {
  const event = 'decision-refused';
  audit.count({ ...decision, event, details: { reason: kind, ...decision.details } });
  logger.info({ event, refusal: kind, principal: decision.principal, ...decision.details }, 'a decision was refused');
}
